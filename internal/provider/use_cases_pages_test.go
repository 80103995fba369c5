package provider

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// anyCodeBlock is code in a page that a reader may copy.
	anyCodeBlock = regexp.MustCompile("(?sm)^ *```(?:hcl|terraform|json)\n(.*?)^ *```")
	// includedFile is a file that a template of a guide includes.
	includedFile = regexp.MustCompile(`\{\{-?\s*(?:tffile|codefile "\w+") "examples/use-cases/([^"]+)"`)
)

// Each module of the use cases has its files and tests of both outcomes: what it lets pass, and what it refuses.
// Modules with mocks only pass on what another module refuses, which expect_failures cannot name.
func TestUseCasesHaveTests(t *testing.T) {
	t.Parallel()
	for _, module := range useCaseModules(t) {
		for _, name := range []string{"main.tf", "variables.tf", "outputs.tf", "versions.tf"} {
			if readUseCase(t, path.Join(module, name)) == "" {
				t.Errorf("%s: %s is empty", module, name)
			}
		}
		files := testFiles(t, module)
		if len(files) == 0 {
			t.Errorf("%s has no tests/*.tftest.hcl", module)
		}
		for name, text := range files {
			runs, refusals := len(runBlock.FindAllString(text, -1)), strings.Count(text, "expect_failures")
			mocks, asserts := strings.Contains(text, "mock_provider"), strings.Contains(text, "assert {")
			if refusals == 0 && !mocks || runs <= refusals || !asserts {
				t.Errorf("%s: %d runs, of which %d expect failures: want both kinds, and assertions", name, runs, refusals)
			}
		}
	}
}

// README and the guide of each use case show the code of its modules, or examples that TestCLIExamplesOfPages runs.
func TestUseCasesArePresentedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, name := range useCaseNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := useCaseCode(t, name)
			shows(t, filepath.Join(useCases, name, "README.md"), code)

			guide := filepath.Join("../../templates/guides", name+".md.tmpl")
			template, err := os.ReadFile(guide)
			if err != nil {
				t.Fatal(err)
			}
			included := includedFile.FindAllStringSubmatch(string(template), -1)
			if len(included) == 0 {
				t.Errorf("%s includes no file of the use case", guide)
			}
			for _, file := range included {
				if !strings.HasPrefix(file[1], name+"/") {
					t.Errorf("%s includes %s of another use case", guide, file[1])
				}
			}
			for _, block := range anyCodeBlock.FindAllStringSubmatch(string(template), -1) {
				if !runnable(block[1]) {
					t.Errorf("%s has code that no test runs: include a file instead:\n%s", guide, block[1])
				}
			}
			shows(t, filepath.Join("../../docs/guides", name+".md"), code, string(template))
		})
	}
}

// shows checks that each block of code in a page is in one of the texts, whatever its indentation.
func shows(t *testing.T, page string, texts ...string) {
	t.Helper()
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range anyCodeBlock.FindAllStringSubmatch(string(content), -1) {
		if !strings.Contains(unindented(strings.Join(texts, "\n")), strings.TrimSpace(unindented(block[1]))) {
			t.Errorf("%s shows code that no file of the use case has:\n%s", page, block[1])
		}
	}
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// useCaseNames returns the directories of the use cases.
func useCaseNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(useCases)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != useCaseTools {
			names = append(names, entry.Name())
		}
	}
	return names
}

// useCaseCode returns the text of all files of a use case that are no documentation.
func useCaseCode(t *testing.T, name string) string {
	t.Helper()
	var code strings.Builder
	err := fs.WalkDir(os.DirFS(useCases), name, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(file) != ".md" {
			code.WriteString(readUseCase(t, file) + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code.String()
}
