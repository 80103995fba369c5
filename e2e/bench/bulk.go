package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"golang.org/x/sync/errgroup"
)

// bulkParallel is how many images are looked up, and contents uploaded, at a time, as in the provider.
const bulkParallel = 16

// bulkOperation is a step in the life of one resource with many images.
type bulkOperation struct {
	name string
	args []string
}

var bulkOperations = []bulkOperation{
	{apply, []string{"apply", "-auto-approve"}},
	{plan, []string{"plan", "-detailed-exitcode"}},
	{"apply (one content changes)", []string{"apply", "-auto-approve"}},
	{"destroy", []string{"destroy", "-auto-approve"}},
}

// measureBulks is measureBulk with each of the latencies. It does nothing if there are no images. A figure above its
// limit is an error, but does not end the measurements.
func measureBulks(
	ctx context.Context, dir, tool string, images, rounds int, latencies []time.Duration,
) error {
	if images == 0 {
		return nil
	}
	var exceeded []error
	for _, latency := range latencies {
		all, err := measureBulk(ctx, dir, tool, images, rounds, latency)
		if err != nil {
			return err
		}
		if images <= limitedImages {
			exceeded = append(exceeded, checkBulk(all))
		}
	}
	return errors.Join(exceeded...)
}

// measureBulk measures one manifesto_repository_metadata with a number of images, and in alternation a bare loop that
// sends the requests that a creation cannot do without. Latency is added to each request. It returns the figures of
// each round by operation.
func measureBulk(
	ctx context.Context, dir, tool string, images, rounds int, latency time.Duration,
) (map[string][]figures, error) {
	all := map[string][]figures{}
	var loops, uploads, creations []time.Duration
	for range rounds {
		loop, upload, err := measureLoop(ctx, dir, tool, images, latency)
		if err != nil {
			return nil, err
		}
		got, creation, err := measureResource(ctx, dir, tool, images, latency)
		if err != nil {
			return nil, err
		}
		for operation, f := range got {
			all[operation] = append(all[operation], f)
		}
		loops, uploads = append(loops, loop), append(uploads, upload)
		creations = append(creations, creation)
	}
	fmt.Printf("\n### One resource with the metadata of %d images, %s of latency\n\n", images, latency)
	fmt.Printf("A bare loop of the same look-ups, uploads and pin manifests takes %s, and %s without the look-ups. "+
		"From its first request to its last, the creation takes %s, %.2f × and %.2f × as long.\n\n",
		seconds(median(loops)), seconds(median(uploads)), seconds(median(creations)),
		median(ratios(creations, loops)), median(ratios(creations, uploads)))
	fmt.Print("| operation | time | processor time | requests | provider's peak memory |\n" +
		"| --- | ---: | ---: | ---: | ---: |\n")
	for _, operation := range bulkOperations {
		own := all[operation.name]
		fmt.Printf("| %s | %s | %s | %d | %s |\n", operation.name,
			seconds(median(each(own, figures.time))), seconds(median(each(own, figures.processor))),
			median(each(own, func(f figures) int { return f.requests })),
			megabytes(median(each(own, func(f figures) int64 { return f.memory }))))
	}
	return all, nil
}

// ratios compares measurements of the same rounds.
func ratios(of, to []time.Duration) []float64 {
	result := make([]float64, len(of))
	for i := range of {
		result[i] = float64(of[i]) / float64(to[i])
	}
	return result
}

// span is the time between the first look-up of an image and the last request.
type span struct {
	// latency is added to every request.
	latency time.Duration

	mu          sync.Mutex
	first, last time.Time
}

// see is a registrytest.Interceptor that lets all requests pass.
func (s *span) see(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	time.Sleep(s.latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	if s.first.IsZero() && r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/manifests/sha256:") {
		s.first = s.last
	}
	return false
}

func (s *span) length() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Sub(s.first)
}

// measureResource measures the life of a resource, and for how long its creation sends requests. The plan looks up no
// image.
func measureResource(
	ctx context.Context, dir, tool string, images int, latency time.Duration,
) (_ map[string]figures, creation time.Duration, err error) {
	// This registry accepts manifests without their blobs, so that the images need none.
	w, err := open(ctx, dir, tool, subject{name: "real"}, registrytest.GGCR)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, w.server.Close()) }()
	digests, err := pushImages(ctx, w.remote(), images)
	if err != nil {
		return nil, 0, err
	}
	if err = w.configureBulk(digests, ""); err != nil {
		return nil, 0, err
	}
	result := map[string]figures{}
	requests := span{latency: latency}
	w.server.Intercept(requests.see)
	for i, operation := range bulkOperations {
		if i == 2 {
			if err = w.configureBulk(digests, "changed"); err != nil {
				return nil, 0, err
			}
		}
		if result[operation.name], err = w.terraform(ctx, operation.args...); err != nil {
			return nil, 0, err
		}
		if i == 0 {
			creation = requests.length()
		}
	}
	return result, creation, nil
}

// measureLoop measures the bare loop. uploads is its part after the look-ups.
func measureLoop(
	ctx context.Context, dir, tool string, images int, latency time.Duration,
) (loop, uploads time.Duration, err error) {
	w, err := open(ctx, dir, tool, subject{name: "real"}, registrytest.GGCR)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, w.server.Close()) }()
	digests, err := pushImages(ctx, w.remote(), images)
	if err != nil {
		return 0, 0, err
	}
	remote := w.remote()
	w.server.Intercept((&span{latency: latency}).see)
	began := time.Now()
	err = eachOf(ctx, images, func(ctx context.Context, i int) error {
		_, headErr := remote.HeadManifest(ctx, digests[i].String())
		return headErr
	})
	lookedUp := time.Now()
	layers := make([]map[string]any, images)
	if err == nil {
		err = eachOf(ctx, images, func(ctx context.Context, i int) error {
			content := bulkContent(digests[i], i, "")
			digest, putErr := remote.PutBlob(ctx, []byte(content))
			layers[i] = map[string]any{"mediaType": oci.MediaTypeOctetStream, "digest": digest, "size": len(content)}
			return putErr
		})
	}
	if err == nil {
		err = eachOf(ctx, (images+perShard-1)/perShard, func(ctx context.Context, i int) error {
			shard := layers[i*perShard : min((i+1)*perShard, images)]
			return putImage(ctx, remote, fmt.Sprintf("%s.pins.%d", format.Tag, i), shard)
		})
	}
	return time.Since(began), time.Since(lookedUp), err
}

// pushImages pushes manifests without blobs.
func pushImages(ctx context.Context, remote *registry.Repository, images int) ([]oci.Digest, error) {
	digests := make([]oci.Digest, images)
	err := eachOf(ctx, images, func(ctx context.Context, i int) error {
		m := oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":`+
			`{"mediaType":%q,"digest":%q,"size":2},"layers":[],"annotations":{"number":"%d"}}`,
			oci.MediaTypeOCIManifest, oci.MediaTypeOCIConfig, oci.DigestOf([]byte("{}")), i))
		digests[i] = m.Digest
		return remote.PutManifest(ctx, m.Digest.String(), m, time.Time{})
	})
	return digests, err
}

// eachOf calls do for each number below n, for some of them at a time.
func eachOf(ctx context.Context, n int, do func(context.Context, int) error) error {
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(bulkParallel)
	for i := range n {
		group.Go(func() error { return do(grouped, i) })
	}
	return group.Wait()
}

// bulkContent is the content for an image. first is that for the first image, unless it is empty.
func bulkContent(image oci.Digest, i int, first string) string {
	if i == 0 && first != "" {
		return first
	}
	return fmt.Sprintf(`{"team":"team-%d","contact":"team-%d@example.com","note":"about %s"}`, i, i, image)
}

// configureBulk writes a configuration with one resource.
func (w *workplace) configureBulk(images []oci.Digest, first string) error {
	contents := make(map[oci.Digest]string, len(images))
	for i, image := range images {
		contents[image] = bulkContent(image, i, first)
	}
	encoded, err := json.Marshal(contents)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "images.json"), encoded, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.dir, "main.tf"), fmt.Appendf(nil, `terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
resource "manifesto_repository_metadata" "all" {
  repository = "%s/app"
  type       = "contact"
  images     = jsondecode(file("images.json"))
}
`, w.server.Host()), 0o600)
}
