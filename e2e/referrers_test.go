//go:build unix

package e2e

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// referrersRepository is the repository of this test.
const referrersRepository = "team/scanned"

// listed is an element of the data source's list.
type listed struct {
	ArtifactType string            `json:"artifact_type"`
	Digest       string            `json:"digest"`
	Annotations  map[string]string `json:"annotations"`
	Content      string            `json:"content"`
}

// The data source manifesto_referrers lists what oras and cosign have attached, on registries with and without the API
// for referrers. It lists no signature that only a tag of cosign has.
func TestReferrersOfOtherTools(t *testing.T) {
	found := findTools(t)
	for _, kind := range servers.Kinds {
		t.Run(kind.Title, func(t *testing.T) {
			if testing.Short() && !isShort(kind) {
				t.Skip("left out of short runs")
			}
			t.Parallel()
			s := start(t, kind, servers.Options{})
			image := s.push(t, referrersRepository)
			w := newWorkspace(t, found.terraform, found.provider)
			client, signer := s.oras(t, referrersRepository), newCosign(t, s, referrersRepository, image)
			sbom := client.attach(image.String(), "application/vnd.cyclonedx+json", `{"bomFormat":"CycloneDX"}`,
				map[string]string{"dev.example.tool": "oras"})
			attested, bundle := signer.attest()
			signed, payload := signer.signAsReferrer()
			tag := signer.signByTag()
			want := map[string]listed{
				sbom.Digest.String(): {
					ArtifactType: "application/vnd.cyclonedx+json", Content: `{"bomFormat":"CycloneDX"}`,
					Annotations: map[string]string{"dev.example.tool": "oras"},
				},
				attested.String(): {
					ArtifactType: sigstoreBundle, Content: bundle,
					Annotations: map[string]string{"dev.sigstore.bundle.predicateType": predicateType},
				},
				signed.String(): {ArtifactType: cosignSignature, Content: payload},
			}

			w.write(filepath.Join(w.dir, "main.tf"), fmt.Sprintf(readReferrers,
				s.Host+"/"+referrersRepository+"@"+image.String()), 0o600)
			w.succeed("apply", "-auto-approve")

			var all, some []listed
			w.output("all", &all)
			w.output("some", &some)
			checkListed(t, all, want)
			checkListed(t, some, map[string]listed{attested.String(): want[attested.String()]})
			byTag, err := s.open(t, referrersRepository).HeadManifest(t.Context(), tag)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(all, func(l listed) bool { return l.Digest == byTag.String() }) {
				t.Error("the signature under the tag is listed, although it has no subject")
			}
		})
	}
}

const readReferrers = `terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
locals {
  image = %q
}
data "manifesto_referrers" "all" {
  image           = local.image
  include_content = true
}
data "manifesto_referrers" "some" {
  image           = local.image
  artifact_types  = ["application/vnd.dev.sigstore.bundle.*"]
  include_content = true
}
output "all" {
  value = data.manifesto_referrers.all.referrers
}
output "some" {
  value = data.manifesto_referrers.some.referrers
}
`

// checkListed checks a list of the data source. Annotations may have more than those wanted.
func checkListed(t *testing.T, got []listed, want map[string]listed) {
	t.Helper()
	rest := maps.Clone(want)
	for _, l := range got {
		w, ok := rest[l.Digest]
		if !ok {
			t.Errorf("it lists %+v, which is not wanted or the second of its kind", l)
			continue
		}
		delete(rest, l.Digest)
		if l.ArtifactType != w.ArtifactType || l.Content != w.Content {
			t.Errorf("%s is listed as %+v, want %+v", l.Digest, l, w)
		}
		for key, value := range w.Annotations {
			if l.Annotations[key] != value {
				t.Errorf("%s: the annotation %s is %q, want %q", l.Digest, key, l.Annotations[key], value)
			}
		}
	}
	for digest, l := range rest {
		t.Errorf("it does not list %s of type %s", oci.Digest(digest), l.ArtifactType)
	}
}
