//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// readingPage is the guide whose commands run here.
const readingPage = "../templates/guides/reading-without-terraform.md.tmpl"

// fakeDocker stands for the command of Docker: it needs no daemon. Like Docker's, it reads the seccomp profile itself.
const fakeDocker = `#!/bin/bash
for argument; do
  case $argument in
    seccomp=*) profile=$(cat "${argument#seccomp=}") ;;
  esac
done
echo "docker starts $argument with $profile"
`

// What the page's image has. The profile has a newline at its end, because files have.
const (
	readContact  = "platform-team@example.com"
	readApproval = `{"approved":true}`
	readProfile  = "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}\n"
)

// All commands of the page, one after another in one shell, read what the provider and the original have written.
func TestReadingWithoutTerraform(t *testing.T) {
	r := newReading(t)
	for _, writer := range []struct {
		name  string
		write func(t *testing.T, remote *registry.Repository, image oci.Digest)
	}{
		{"provider", putPieces},
		{"original", func(t *testing.T, remote *registry.Repository, image oci.Digest) {
			t.Helper()
			writeAsOriginal(t, remote, image.String())
		}},
	} {
		for _, kind := range registrytest.Kinds {
			t.Run(fmt.Sprintf("%s, %s", writer.name, kind), func(t *testing.T) {
				server := registrytest.New(t, registrytest.Options{Kind: kind})
				image := server.Image(t, readRepository, "1.2", "1.2")
				writer.write(t, server.Open(t, readRepository, registry.Options{}), image)

				output, err := r.run(t, server, r.page...)
				if err != nil {
					t.Fatalf("%v\n%s", err, output)
				}
				r.isRead(t, output, server.Host(), image)
			})
		}
	}
}

// isRead checks what the commands of the page have printed.
func (r *reading) isRead(t *testing.T, output, host string, image oci.Digest) {
	t.Helper()
	lines := strings.Split(output, "\n")
	for _, piece := range []struct{ typ, content string }{
		{"contact", readContact}, {"approval", readApproval}, {"seccomp", readProfile},
	} {
		line := piece.typ + "\t" + oci.DigestOf([]byte(piece.content)).String()
		if !slices.Contains(lines, line) {
			t.Errorf("the list lacks %q", line)
		}
	}
	if got := strings.Count(output, readContact); got != len(readers) {
		t.Errorf("the contact is printed %d times, want once by each of %v", got, readers)
	}
	started := fmt.Sprintf("docker starts localhost:%s/%s@%s with %s",
		host[strings.LastIndex(host, ":")+1:], readRepository, image, strings.TrimSpace(readProfile))
	if !slices.Contains(lines, started) {
		t.Errorf("there is no line %q", started)
	}
	if t.Failed() {
		t.Log(output)
	}
}

// The function of the page finds entries whose image has no "sha256:", as the original may have written them.
func TestReadingBareDigests(t *testing.T) {
	r := newReading(t)
	server := registrytest.New(t, registrytest.Options{})
	image := server.Image(t, readRepository, "1.2", "1.2")
	writeAsOriginal(t, server.Open(t, readRepository, registry.Options{}), image.Encoded())
	output, err := r.run(t, server, r.page.containing("piece() {"), r.page.containing("docker run"))
	if err != nil || !strings.Contains(output, "docker starts") {
		t.Errorf("%v\n%s", err, output)
	}
}

// A build that nobody approved does not start, even if another build of the repository is approved.
func TestReadingRefusesToStart(t *testing.T) {
	r := newReading(t)
	for name, pieces := range map[string]map[string]string{
		"no approval":  {"seccomp": readProfile},
		"not approved": {"seccomp": readProfile, "approval": `{"approved":false}`},
		"no profile":   {"approval": readApproval},
	} {
		t.Run(name, func(t *testing.T) {
			server := registrytest.New(t, registrytest.Options{})
			remote := server.Open(t, readRepository, registry.Options{})
			putPieces(t, remote, server.Image(t, readRepository, "1.1", "1.1"))
			image := server.Image(t, readRepository, "1.2", "1.2")
			for typ, content := range pieces {
				put(t, remote, image, typ, content)
			}
			output, err := r.run(t, server, r.page.containing("piece() {"), r.page.containing("docker run"))
			if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || strings.Contains(output, "docker starts") {
				t.Errorf("%v, want an exit code and no start\n%s", err, output)
			}
		})
	}
}

// readRepository is the path of the repository of the page.
const readRepository = "team/app"

func putPieces(t *testing.T, remote *registry.Repository, image oci.Digest) {
	t.Helper()
	put(t, remote, image, "contact", readContact)
	put(t, remote, image, "approval", readApproval)
	put(t, remote, image, "seccomp", readProfile)
}

func put(t *testing.T, remote *registry.Repository, image oci.Digest, typ, content string) {
	t.Helper()
	store := manifesto.NewStore(func(oci.Repository) manifesto.Repository { return remote }, manifesto.Options{})
	key := manifesto.Key{Repository: remote.Repository(), Image: image, Type: typ}
	if _, err := store.Put(context.Background(), manifesto.Put{Key: key, Content: []byte(content)}); err != nil {
		t.Fatalf("storing %s: %v", typ, err)
	}
}

// writeAsOriginal stores the pieces with a manifesto like the original's: an image in Docker's format, and entries
// without anything but type and digest.
func writeAsOriginal(t *testing.T, remote *registry.Repository, image string) {
	t.Helper()
	ctx := context.Background()
	var entries []string
	for _, piece := range [][2]string{{"contact", readContact}, {"approval", readApproval}, {"seccomp", readProfile}} {
		digest, err := remote.PutBlob(ctx, []byte(piece[1]))
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf(`{"type":%q,"digest":%q}`, piece[0], digest))
	}
	document := fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[%s]}]}`, image, strings.Join(entries, ","))
	layer, err := registrytest.Layer(registrytest.Gzip, registrytest.File{Name: "data", Content: document})
	if err == nil {
		_, err = registrytest.PushDockerImage(ctx, remote, format.Tag, layer)
	}
	if err != nil {
		t.Fatalf("writing the manifesto: %v", err)
	}
}

// reading has the commands of the page, and a directory with the tools that they need.
type reading struct {
	page  page
	tools string
}

// readers are the tools that the page reads with.
var readers = []string{"crane", "oras", "curl"}

func newReading(t *testing.T) *reading {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "jq", "sha256sum", "tar"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	r := &reading{page: readPage(t, readingPage), tools: t.TempDir()}
	buildTools(t, r.tools)
	if err := os.WriteFile(filepath.Join(r.tools, "docker"), []byte(fakeDocker), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs blocks in one shell with the page's registry replaced by a server, and returns the output. The blocks see
// the tools, and no login.
func (r *reading) run(t *testing.T, server *registrytest.Server, blocks ...string) (string, error) {
	t.Helper()
	host := localhost(server)                                         // Where the tools speak HTTP.
	script := "set -e -o pipefail\n" + strings.Join(blocks, "echo\n") // Contents have no newline at their end.
	script = strings.ReplaceAll(script, "https://registry.example.com", "http://"+host)
	script = strings.ReplaceAll(script, "registry.example.com", host)
	shell := exec.Command("bash", "-c", script)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "HOME="+shell.Dir, "DOCKER_CONFIG="+shell.Dir, "TMPDIR="+shell.Dir,
		"PATH="+r.tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	output, err := shell.CombinedOutput()
	return string(output), err
}
