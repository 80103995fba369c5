package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// otherTool stands for a tool that works on the metadata of an image without Terraform.
type otherTool struct {
	remote *registry.Repository
	image  oci.Digest
}

func (o *otherTool) store() *manifesto.Store {
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return o.remote }, manifesto.Options{})
}

func (o *otherTool) key(typ string) manifesto.Key {
	return manifesto.Key{Repository: o.remote.Repository(), Image: o.image, Type: typ}
}

func (o *otherTool) put(ctx context.Context, typ, content string) error {
	_, err := o.store().Put(ctx, manifesto.Put{
		Key: o.key(typ), Content: []byte(content), MediaType: format.DetectMediaType([]byte(content)), Overwrite: true,
	})
	return err
}

func (o *otherTool) expect(ctx context.Context, typ, want string) error {
	_, content, err := o.store().Fetch(ctx, o.key(typ))
	if err != nil {
		return err
	}
	if string(content) != want {
		return fmt.Errorf("the registry holds %s = %q, expected %q", typ, content, want)
	}
	return nil
}

func (o *otherTool) expectNothing(ctx context.Context) error {
	images, err := o.store().Images(ctx, o.remote.Repository())
	if err == nil && len(images) > 0 {
		err = fmt.Errorf("%d images still have metadata", len(images))
	}
	return err
}

// document returns the images and the entries in what the tag _manifesto holds, as JSON, with a part of their fields.
func (o *otherTool) document(ctx context.Context) (string, error) {
	document, err := manifesto.ReadDocument(ctx, o.remote)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	text.WriteString(`{"images":[`)
	for image, entries := range document.Images() {
		fmt.Fprintf(&text, "\n  {\"image_digest\":%q,\"manifesto\":[", image)
		for _, entry := range entries {
			fmt.Fprintf(&text, "\n    {\"type\":%q,\"digest\":%q,\"size\":%d, …}", entry.Type, entry.Digest, entry.Size)
		}
		text.WriteString("]}")
	}
	text.WriteString("]}\n")
	return text.String(), nil
}
