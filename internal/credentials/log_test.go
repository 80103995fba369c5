package credentials

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
)

// The log has the name and the outcome of each source, and no secret.
func TestLoggedSources(t *testing.T) {
	config, err := ParseConfig([]byte(`{"auths":{"registry.example.com":` + basic("robot", "S3CRET") + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	var asked int
	chain := Chain{
		Settings{"quiet.example.com": {NoLogin: true}, "other.example.com": {RegistryToken: "S3CRET"}},
		fixed{err: unavailable("docker-credential-x", errors.New("no answer")), asked: &asked},
		fixed{err: errors.New("it printed S3CRET"), asked: &asked},
		Inline{Config: config, Name: "the test"},
	}
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: logs.LevelTrace}))
	source := Logged(chain, logger)
	found, err := source.Find(context.Background(), Target{"registry.example.com", "app"})
	if err != nil || found.Password != "S3CRET" {
		t.Errorf("found %s, %v", found, err)
	}
	if found, err := source.Find(context.Background(), Target{"quiet.example.com", "app"}); err != nil || !found.NoLogin {
		t.Errorf("found %s, %v", found, err)
	}
	text := out.String()
	for _, want := range []string{
		`msg="source has no credentials" subsystem=credentials source="the provider's settings"`,
		"registry=registry.example.com",
		`msg="source of credentials failed"`, `docker-credential-x: no answer`,
		`msg="source has credentials"`, `origin="the test"`, `repository=app`, `msg="settings ask for no login"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the log:\n%s", want, text)
		}
	}
	if strings.Contains(text, "S3CRET") || strings.Count(text, "\n") != 5 {
		t.Errorf("the log has a secret or another number of lines than 5:\n%s", text)
	}
	if again := Logged(chain[0], nil); nameOf(again) != "the provider's settings" {
		t.Errorf("without a logger, the source is %T", again)
	}
}

// A source prints as its name, so that no format verb shows its secrets.
func TestSourcesDoNotPrint(t *testing.T) {
	for want, source := range map[string]Source{
		"the provider's settings": Settings{"registry.example.com": {Password: "S3CRET"}},
		"/root/config.json":       File{Path: "/root/config.json"},
		"the test":                Inline{Name: "the test"},
	} {
		if got := nameOf(source); got != want {
			t.Errorf("%T is named %q, want %q", source, got, want)
		}
	}
}
