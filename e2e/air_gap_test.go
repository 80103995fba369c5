//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const (
	// airGapPage is the guide whose commands run here.
	airGapPage = "../templates/guides/air-gap.md.tmpl"
	// useCases has the modules that the commands of the guide apply, below air-gap.
	useCases = "../examples/use-cases"
	// airGapRepository is the path of the repository in the guide.
	airGapRepository = "app"
)

// airGap has a registry at each side of the gap, and a directory with the modules in which the guide's commands run.
type airGap struct {
	page           page
	inside, target *registrytest.Server
	image          oci.Digest
	dir            string
	env            []string
}

// newAirGap returns two registries, of which the first has an image with metadata. The commands find crane, oras and
// terraform in tools.
func newAirGap(t *testing.T, tools, provider string) *airGap {
	t.Helper()
	g := &airGap{
		page:   readPage(t, airGapPage),
		inside: registrytest.New(t, registrytest.Options{}), target: registrytest.New(t, registrytest.Options{}),
	}
	g.image = g.inside.Image(t, airGapRepository, "1.2", "1.2")
	remote := g.inside.Open(t, airGapRepository, registry.Options{})
	put(t, remote, g.image, "contact", readContact)
	put(t, remote, g.image, "approval", readApproval)

	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(useCases)); err != nil {
		t.Fatal(err)
	}
	g.dir = filepath.Join(dir, "air-gap")
	home := t.TempDir()
	g.env = append(os.Environ(), "HOME="+home, "DOCKER_CONFIG="+home, "TF_CLI_CONFIG_FILE="+provider,
		"CHECKPOINT_DISABLE=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color", "TF_CLI_ARGS_apply=-auto-approve",
		"PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	g.passes(t, "terraform -chdir=adopt get") // The provider itself comes from the CLI configuration.
	return g
}

// run runs commands in one shell with the registries of the guide replaced.
func (g *airGap) run(commands ...string) (string, error) {
	script := strings.NewReplacer(
		"registry.example.com", localhost(g.inside), "registry.internal", localhost(g.target), // Tools speak HTTP there.
	).Replace("set -e -o pipefail\n" + strings.Join(commands, ""))
	shell := exec.Command("bash", "-c", script)
	shell.Dir, shell.Env = g.dir, g.env
	output, err := shell.CombinedOutput()
	return string(output), err
}

func (g *airGap) passes(t *testing.T, commands ...string) string {
	t.Helper()
	output, err := g.run(commands...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(commands, ""), err, output)
	}
	return output
}

// carries moves the archive to a directory without the bundle, and unpacks it there as the guide says.
func (g *airGap) carries(t *testing.T) {
	t.Helper()
	g.passes(t, g.page.containing("tar -cf"), "rm -r bundle\n", g.page.containing("tar -xf"))
}

// at returns a reader of the repository at the target.
func (g *airGap) at(t *testing.T) (*manifesto.Store, oci.Repository) {
	t.Helper()
	remote := g.target.Open(t, airGapRepository, registry.Options{})
	store := manifesto.NewStore(func(oci.Repository) manifesto.Repository { return remote }, manifesto.Options{})
	return store, remote.Repository()
}

// hasArrived checks the metadata at the target.
func (g *airGap) hasArrived(t *testing.T) {
	t.Helper()
	store, repository := g.at(t)
	for typ, want := range map[string]string{"contact": readContact, "approval": readApproval} {
		key := manifesto.Key{Repository: repository, Image: g.image, Type: typ}
		if _, content, err := store.Fetch(t.Context(), key); err != nil || string(content) != want {
			t.Errorf("%s at the target: %q, %v, want %q", typ, content, err, want)
		}
	}
}

// The commands of the guide take an image and its metadata over the gap.
func TestAirGap(t *testing.T) {
	found, tools := findTools(t), t.TempDir()
	buildTools(t, tools)
	if err := os.Symlink(found.terraform, filepath.Join(tools, "terraform")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]func(t *testing.T, g *airGap){
		"oras":         airGapArrives,
		"crane":        airGapLeavesByCrane,
		"adopted":      airGapAdopts,
		"not packed":   airGapNotPacked,
		"content lost": airGapContentLost,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newAirGap(t, tools, found.provider))
		})
	}
}

// orasLeaves begins the command that copies the image into the bundle.
const orasLeaves = "oras cp registry.example.com/app:1.2 "

// airGapArrives checks what arrives, and that a second apply changes nothing.
func airGapArrives(t *testing.T, g *airGap) {
	t.Helper()
	g.passes(t, g.page.containing(orasLeaves), g.page.containing("-chdir=leave"))
	g.carries(t)
	arrive := g.page.containing("-chdir=arrive")
	g.passes(t, arrive)
	g.hasArrived(t)
	if output := g.passes(t, arrive); !strings.Contains(output, "0 added, 0 changed, 0 destroyed") {
		t.Errorf("the second apply:\n%s", output)
	}
}

// airGapLeavesByCrane checks that the module finds an image whose tag is a whole reference, as crane writes it.
func airGapLeavesByCrane(t *testing.T, g *airGap) {
	t.Helper()
	g.passes(t, g.page.containing("crane pull"), g.page.containing("-chdir=leave"))
	output := g.passes(t, "terraform -chdir=leave output -json packing_list\n")
	if !strings.Contains(output, oci.DigestOf([]byte(readApproval)).String()) {
		t.Errorf("the packing list lacks the approval: %s", output)
	}
}

// airGapAdopts checks that metadata that was pushed has its content, and that its import fills the state only.
func airGapAdopts(t *testing.T, g *airGap) {
	t.Helper()
	g.passes(t, g.page.containing(orasLeaves), g.page.containing("^_manifesto')"), g.page.containing("-chdir=leave"))
	g.carries(t)
	g.passes(t, g.page.containing(`^_manifesto\.`))
	g.hasArrived(t)
	adopt := g.page.containing("-chdir=adopt")
	g.target.Reset()
	for _, want := range []string{"1 imported, 0 added, 1 changed, 0 destroyed", "0 added, 0 changed, 0 destroyed"} {
		if output := g.passes(t, adopt); !strings.Contains(output, want) {
			t.Errorf("want %q in\n%s", want, output)
		}
	}
	if writes := g.target.Count("PUT", ""); writes > 0 {
		t.Errorf("the import sent %d requests with PUT", writes)
	}
	g.hasArrived(t)
}

func airGapNotPacked(t *testing.T, g *airGap) {
	t.Helper()
	g.passes(t, g.page.containing(orasLeaves), g.page.containing("^_manifesto')"))
	g.carries(t)
	g.isRefused(t, "there is no packing list")
}

func airGapContentLost(t *testing.T, g *airGap) {
	t.Helper()
	g.passes(t, g.page.containing(orasLeaves), g.page.containing("-chdir=leave"))
	content := oci.DigestOf([]byte(readApproval)).Encoded()
	g.passes(t, "rm bundle/blobs/sha256/"+content+"\n")
	g.carries(t)
	g.isRefused(t, "the content of approval is missing")
}

// isRefused checks that the bundle is refused with a text, and that nothing reaches the target.
func (g *airGap) isRefused(t *testing.T, want string) {
	t.Helper()
	output, err := g.run(g.page.containing("-chdir=arrive"))
	said := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
	if err == nil || !strings.Contains(said, want) {
		t.Errorf("%v, want an error with %q\n%s", err, want, output)
	}
	store, repository := g.at(t)
	if entries, err := store.List(t.Context(), repository, g.image); err != nil || len(entries) > 0 {
		t.Errorf("the target has metadata: %v, %v", entries, err)
	}
}
