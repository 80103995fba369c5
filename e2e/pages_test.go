//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// shellBlock is a block of commands in a page.
var shellBlock = regexp.MustCompile("(?sm)^```shell\n(.*?)^```")

// page has the blocks of commands of a page.
type page []string

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var blocks page
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}

// containing returns the block of the page with a text.
func (p page) containing(text string) string {
	for _, block := range p {
		if strings.Contains(block, text) {
			return block
		}
	}
	return "echo the page has no block with " + text + "; false\n"
}

// buildTools puts the commands crane and oras into a directory.
func buildTools(t *testing.T, dir string) {
	t.Helper()
	build := exec.Command("go", "build", "-o", dir+string(os.PathSeparator),
		"github.com/google/go-containerregistry/cmd/crane", "oras.land/oras/cmd/oras")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building crane and oras: %v\n%s", err, output)
	}
}

// localhost returns the address of a server by the name with which crane and oras speak HTTP.
func localhost(server *registrytest.Server) string {
	_, port, _ := strings.Cut(server.Host(), ":")
	return "localhost:" + port
}
