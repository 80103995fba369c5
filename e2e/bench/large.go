package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// perShard is the number of blobs in each pin manifest of the large manifesto.
const perShard = 256

// measureLarge plans and changes a hundred resources in a repository whose manifesto has many more entries.
func measureLarge(ctx context.Context, dir, tool string, entries int) (err error) {
	const resources = 100
	s := subject{name: "real"}
	// This registry accepts manifests without their blobs, so that the other entries need no content.
	w, err := open(ctx, dir, tool, s, registrytest.GGCR)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.server.Close()) }()
	if err = w.configure(s, resources, "content"); err != nil {
		return err
	}
	if _, err = w.terraform(ctx, "apply", "-auto-approve"); err != nil {
		return err
	}
	size, err := w.fill(ctx, entries)
	if err != nil {
		return err
	}
	fmt.Printf("\n### A manifesto of %d entries (%d MB)\n\n", entries, size>>20)
	fmt.Print("| operation | time | requests | provider's peak memory |\n| --- | ---: | ---: | ---: |\n")
	show := func(operation string, f figures, err error) error {
		if err == nil {
			fmt.Printf("| %s | %s | %d | %s |\n", operation, seconds(f.took), f.requests, megabytes(f.memory))
		}
		return err
	}
	f, err := w.terraform(ctx, "plan", "-detailed-exitcode")
	if err = show(fmt.Sprintf("plan of %d resources", resources), f, err); err != nil {
		return err
	}
	if err = w.configure(s, resources, "new content"); err != nil {
		return err
	}
	f, err = w.terraform(ctx, "apply", "-auto-approve")
	return show(fmt.Sprintf("apply that changes them (%d commits)", w.commits()), f, err)
}

// commits returns the number of PUTs of the manifesto.
func (w *workplace) commits() int {
	count := 0
	for _, r := range w.server.Requests() {
		if r.Method == http.MethodPut && r.Path == "/v2/app/manifests/"+format.Tag {
			count++
		}
	}
	return count
}

// fill adds entries to the manifesto as the provider would write them and returns the document's size in bytes.
func (w *workplace) fill(ctx context.Context, entries int) (int, error) {
	remote := w.remote()
	document, err := manifesto.ReadDocument(ctx, remote)
	if err != nil {
		return 0, err
	}
	rendered := document.Render()
	text := bytes.NewBuffer(rendered[:len(rendered)-len("]}")])
	layers := make([]map[string]any, 0, perShard)
	shard := 1
	for i := range entries {
		digest := oci.DigestOf(fmt.Append(nil, "content ", i))
		if i%5 == 0 {
			fmt.Fprintf(text, `,{"image_digest":%q,"manifesto":[`, oci.DigestOf(fmt.Append(nil, "image ", i/5)))
		} else {
			text.WriteByte(',')
		}
		fmt.Fprintf(text, `{"type":"type%d","digest":%q,"size":1000,`+
			`"media_type":"application/json","created":"2026-01-02T03:04:05Z","pin":%d}`, i%5, digest, shard)
		if i%5 == 4 || i == entries-1 {
			text.WriteString("]}")
		}
		layers = append(layers, map[string]any{"mediaType": oci.MediaTypeOctetStream, "digest": digest, "size": 1000})
		if len(layers) == perShard || i == entries-1 {
			if err = putImage(ctx, remote, fmt.Sprintf("%s.pins.%d", format.Tag, shard), layers); err != nil {
				return 0, err
			}
			layers = layers[:0]
			shard++
		}
	}
	text.WriteString("]}")
	layer, err := registrytest.Layer(registrytest.Gzip, registrytest.File{Name: "data", Content: text.String()})
	if err != nil {
		return 0, err
	}
	layerDigest, err := remote.PutBlob(ctx, layer)
	if err != nil {
		return 0, err
	}
	return text.Len(), putImage(ctx, remote, format.Tag, []map[string]any{
		{"mediaType": oci.MediaTypeOCILayerGzip, "digest": layerDigest, "size": len(layer)},
	})
}

// putImage puts an image with an empty config under a tag of the provider.
func putImage(ctx context.Context, remote *registry.Repository, tag string, layers []map[string]any) error {
	config := []byte("{}")
	digest, err := remote.PutBlob(ctx, config)
	if err != nil {
		return err
	}
	content, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": oci.MediaTypeOCIManifest, "layers": layers,
		"config":      map[string]any{"mediaType": oci.MediaTypeOCIConfig, "digest": digest, "size": len(config)},
		"annotations": map[string]string{"dev.manifesto.version": "1000"},
	})
	if err != nil {
		return err
	}
	return remote.PutManifest(ctx, tag, oci.NewManifest(oci.MediaTypeOCIManifest, content), time.Time{})
}
