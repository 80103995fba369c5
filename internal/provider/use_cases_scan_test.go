package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// scanPublisher is a pipeline that publishes reports about app:1.2, with a state of its own.
type scanPublisher struct {
	*commandLine
	image string
}

// newScanPublishers returns pipelines that publish reports about the same image.
func newScanPublishers(t *testing.T, count int) (*world, []scanPublisher) {
	t.Helper()
	w := newWorld(t, registrytest.Options{})
	w.remote = w.open("example/app")
	w.image = w.push("1.2", "first build")
	var publishers []scanPublisher
	for range count {
		c := newCommandLine(t)
		if err := os.CopyFS(c.dir, os.DirFS(filepath.Join(useCases, "scan-reports", "publish"))); err != nil {
			t.Fatal(err)
		}
		p := scanPublisher{c, w.server.Host() + "/example/app@" + w.image.String()}
		c.env = append(c.env, "TF_VAR_image="+p.image)
		publishers = append(publishers, p)
	}
	return w, publishers
}

// takes makes a report of the tests the next to publish.
func (p scanPublisher) takes(name string) {
	p.t.Helper()
	report := p.read(filepath.Join("tests", "reports", name))
	p.write("report.json", strings.ReplaceAll(report, useCaseDigests["first build"], p.image[len(p.image)-71:]))
}

func (p scanPublisher) terraform(args ...string) string {
	p.t.Helper()
	return p.commandLine.terraform(append(args, "-var=report=report.json")...)
}

// The plan shows a newer report that another pipeline has stored as drift, by its digests, and refuses to go back to
// the older one. With the newer report at hand there is nothing to do.
func TestCLIScanReportDrift(t *testing.T) {
	t.Parallel()
	w, publishers := newScanPublishers(t, 2)
	mine, nightly := publishers[0], publishers[1]
	mine.takes("trivy.json")
	mine.terraform("apply", "-auto-approve")
	mine.terraform("plan", "-detailed-exitcode")
	older := w.reportDigest()

	nightly.takes("trivy-newer.json")
	nightly.terraform("apply", "-auto-approve")
	newer := w.reportDigest()

	output := mine.terraform("plan", "-refresh-only")
	for _, text := range []string{
		"# manifesto_metadata.report has changed", "# manifesto_metadata.summary has changed",
		fmt.Sprintf("%q -> %q", older, newer), "CVE-2019-18224",
	} {
		if !strings.Contains(strings.Join(strings.Fields(output), " "), text) {
			t.Errorf("the drift lacks %q:\n%s", text, output)
		}
	}
	output, code := mine.run(mine.tool, "plan", "-var=report=report.json")
	if want := "A report that is newer than report.json is already stored."; code == 0 || !strings.Contains(output, want) {
		t.Errorf("exit code %d, want %q in\n%s", code, want, output)
	}

	mine.takes("trivy-newer.json")
	mine.terraform("apply", "-auto-approve")
	mine.terraform("plan", "-detailed-exitcode")
	if got := w.reportDigest(); got != newer {
		t.Errorf("the report is %s, want %s", got, newer)
	}
}

// A report of several megabytes is published like a small one, stays out of the state, and its second plan is empty.
func TestCLIScanReportOfMegabytes(t *testing.T) {
	t.Parallel()
	w, publishers := newScanPublishers(t, 1)
	p := publishers[0]
	p.takes("trivy-newer.json")
	report := manyFindings(t, p.read("report.json"), 4000)
	if size := len(report); size < 3<<20 || size > 16<<20 {
		t.Fatalf("the report has %d bytes", size)
	}
	p.write("report.json", report)

	p.terraform("apply", "-auto-approve")
	p.terraform("plan", "-detailed-exitcode")
	if got, want := w.reportDigest(), oci.DigestOf([]byte(report)); got != want {
		t.Errorf("the report is %s, want %s", got, want)
	}
	if state := p.read("terraform.tfstate"); len(state) > len(report)/4 || !strings.Contains(state, "CVE-2026-3999") {
		t.Errorf("the state has %d bytes and must have the last finding, but not the report of %d", len(state), len(report))
	}
}

// manyFindings repeats the first finding of a report of Trivy with other numbers.
func manyFindings(t *testing.T, text string, count int) string {
	t.Helper()
	var report map[string]any
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	result, ok := report["Results"].([]any)[0].(map[string]any)
	if !ok {
		t.Fatal("the report has no results")
	}
	first, ok := result["Vulnerabilities"].([]any)[0].(map[string]any)
	if !ok {
		t.Fatal("the report has no findings")
	}
	findings := make([]any, count)
	for i := range findings {
		finding := maps.Clone(first)
		finding["VulnerabilityID"] = fmt.Sprintf("CVE-2026-%d", i)
		findings[i] = finding
	}
	result["Vulnerabilities"] = findings
	large, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(large)
}

// reportDigest returns the digest of the image's report of Trivy.
func (w *world) reportDigest() oci.Digest {
	w.t.Helper()
	piece, err := w.store().Get(w.t.Context(), w.key("scan-report/trivy"))
	if err != nil {
		w.t.Fatal(err)
	}
	return piece.Digest
}
