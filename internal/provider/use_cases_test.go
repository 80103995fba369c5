package provider

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const (
	// useCases has a directory for each use case, and in it the modules that the guide of the use case shows.
	useCases = "../../examples/use-cases"
	// useCaseTools is the directory beside them with modules that only tests use.
	useCaseTools = "testing"
	// envProviderMirror is a directory made by terraform providers mirror. It has the providers of the modules that
	// need others than this one. Without it, the tests of these modules are skipped.
	envProviderMirror = "USE_CASES_PROVIDER_MIRROR"
)

// useCaseImages are the images in the registry of a test: the build by tag, in each repository. Builds of the same name
// are equal.
var useCaseImages = map[string]map[string]string{
	"example/app":        {"1.2": "first build", "1.3": "second build"},
	"example/production": {"1.2": "first build"},
}

// useCaseDigests are the digests that stand for the builds in files below tests/. TestCLIUseCases replaces them, and
// ghcr.io, by those of its registry: OpenTofu's assertions cannot refer to variables that the module does not declare.
var useCaseDigests = map[string]string{
	"first build":  "sha256:" + strings.Repeat("1", 64),
	"second build": "sha256:" + strings.Repeat("2", 64),
}

// prepareUseCase does what the tests of a use case need beyond useCaseImages, by the name of the use case. dir is a
// copy of all use cases.
var prepareUseCase = map[string]func(w *world, c *commandLine, dir string){
	"air-gap":         func(w *world, _ *commandLine, dir string) { w.prepareForAirGap(dir) },
	"grafeas":         func(w *world, _ *commandLine, dir string) { w.prepareForGrafeas(dir) },
	"original-tool":   func(w *world, _ *commandLine, _ string) { w.prepareOriginal() },
	"promotion":       func(w *world, _ *commandLine, dir string) { w.prepareForPromotion(dir) },
	"signed-approval": func(w *world, _ *commandLine, dir string) { w.prepareKeys(dir) },
}

// Each module of the use cases passes its own tests, with a registry that has the images.
func TestCLIUseCases(t *testing.T) {
	t.Parallel()
	for _, module := range useCaseModules(t) {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			if needed := neededMinor(t, module); c.minor() < needed {
				t.Skipf("the module needs version 1.%d", needed)
			}
			c.useMirrors(module)
			w := newWorld(t, registrytest.Options{})
			dir := filepath.Join(c.dir, "use-cases")
			if err := os.CopyFS(dir, os.DirFS(useCases)); err != nil {
				t.Fatal(err)
			}
			w.pushUseCase(dir)
			if prepare := prepareUseCase[strings.Split(module, "/")[0]]; prepare != nil {
				prepare(w, c, dir)
			}
			c.dir = filepath.Join(dir, filepath.FromSlash(module))
			c.terraform("init")
			output := c.terraform("test")
			runs := 0
			for _, file := range testFiles(t, module) {
				runs += len(runBlock.FindAllString(file, -1))
			}
			if want := fmt.Sprintf("%d passed, 0 failed", runs); !strings.Contains(output, want) {
				t.Errorf("want %q in\n%s", want, output)
			}
		})
	}
}

// pushUseCase pushes the images, and puts their digests and the registry into the files of the tests.
func (w *world) pushUseCase(dir string) {
	w.t.Helper()
	replacements := []string{"ghcr.io", w.server.Host()}
	for repository, tags := range useCaseImages {
		remote := w.open(repository)
		for tag, build := range tags {
			digest, err := registrytest.PushImage(context.Background(), remote, tag, build)
			if err != nil {
				w.t.Fatalf("pushing %s:%s: %v", repository, tag, err)
			}
			replacements = append(replacements, useCaseDigests[build], digest.String())
		}
	}
	replacer := strings.NewReplacer(replacements...)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(filepath.ToSlash(name), "/tests/") {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, []byte(replacer.Replace(string(content))), 0o600)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// useMirrors lets Terraform install the built provider, and those that a module needs beside it. It skips the test if
// they are not at hand.
func (c *commandLine) useMirrors(module string) {
	c.t.Helper()
	mirror, err := mirrorProvider()
	if err != nil {
		c.t.Fatal(err)
	}
	config := filesystemMirror(mirror)
	others := otherProviders(c.t, module)
	if more := os.Getenv(envProviderMirror); more != "" {
		config += filesystemMirror(more)
	} else if len(others) > 0 {
		c.t.Skipf("%s needs %s: %s names no directory with them", module, strings.Join(others, " and "), envProviderMirror)
	}
	name := filepath.Join(c.dir, "mirrors.tfrc")
	c.write("mirrors.tfrc", "provider_installation {\n"+config+"}\n")
	c.env = append(c.env, "TF_CLI_CONFIG_FILE="+name)
}

func filesystemMirror(dir string) string {
	return fmt.Sprintf("  filesystem_mirror {\n    path = %q\n  }\n", filepath.ToSlash(dir))
}

// mirrorProvider puts the built provider into a directory from which terraform init installs it.
var mirrorProvider = sync.OnceValues(func() (string, error) {
	bin, err := buildProvider()
	if err != nil {
		return "", err
	}
	built, err := filepath.Glob(filepath.Join(bin, "terraform-provider-manifesto*"))
	if err != nil || len(built) != 1 {
		return "", fmt.Errorf("the built provider in %s: %v, %w", bin, built, err)
	}
	mirror := filepath.Join(bin, "mirror")
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		dir := filepath.Join(mirror, host, "imagemanifesto", "manifesto", "0.0.1", runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		if err := os.Link(built[0], filepath.Join(dir, filepath.Base(built[0]))); err != nil {
			return "", err
		}
	}
	return mirror, nil
})

// neededMinor returns the minor version of Terraform or OpenTofu 1.x that a module requires.
func neededMinor(t *testing.T, module string) int {
	t.Helper()
	required := requiredVersion.FindStringSubmatch(readUseCase(t, path.Join(module, "versions.tf")))
	if required == nil {
		t.Fatalf("%s requires no version", module)
	}
	minor, err := strconv.Atoi(required[1])
	if err != nil {
		t.Fatal(err)
	}
	return minor
}

var (
	// requiredVersion is the version of Terraform or OpenTofu that a module requires.
	requiredVersion = regexp.MustCompile(`required_version = ">= 1\.(\d+)"`)
	// providerSource is the source of a provider in required_providers.
	providerSource = regexp.MustCompile(`(?m)^\s*source\s*=\s*"([\w-]+/[\w-]+)"`)
	// runBlock starts a run in the file of a test.
	runBlock = regexp.MustCompile(`(?m)^run "`)
)

// otherProviders returns the sources of the providers that a module requires beside this one.
func otherProviders(t *testing.T, module string) []string {
	t.Helper()
	text := readUseCase(t, path.Join(module, "versions.tf"))
	var others []string
	for _, source := range providerSource.FindAllStringSubmatch(text, -1) {
		if source[1] != "imagemanifesto/manifesto" {
			others = append(others, source[1])
		}
	}
	return others
}

func readUseCase(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(useCases, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// useCaseModules returns the directories with configuration of all use cases, without those of tests.
func useCaseModules(t *testing.T) []string {
	t.Helper()
	var modules []string
	err := fs.WalkDir(os.DirFS(useCases), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "tests" || entry.Name() == ".terraform" || name == useCaseTools) {
			return fs.SkipDir
		}
		if dir := path.Dir(name); path.Ext(name) == ".tf" && !slices.Contains(modules, dir) {
			modules = append(modules, dir)
		}
		return nil
	})
	if err != nil || len(modules) == 0 {
		t.Fatalf("%d modules, %v", len(modules), err)
	}
	return modules
}

// testFiles returns the tests of a module.
func testFiles(t *testing.T, module string) map[string]string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(useCases), module+"/tests/*.tftest.hcl")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range names {
		files[name] = readUseCase(t, name)
	}
	return files
}
