package credentials

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func basic(user, password string) string {
	return fmt.Sprintf(`{"auth":%q}`, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func TestConfig(t *testing.T) {
	me := base64.RawStdEncoding.EncodeToString([]byte("me:"))
	config, err := ParseConfig([]byte(`{
		"auths": {
			"https://index.docker.io/v1/": ` + basic("hub", "p") + `,
			"registry.example.com": ` + basic("whole", "p:with:colons") + `,
			"registry.example.com/team": ` + basic("team", "p") + `,
			"registry.example.com/team/app": ` + basic("app", "p") + `,
			"https://old.example.com/v2/": ` + basic("old", "p") + `,
			"https://path.example.com/other": ` + basic("path", "p") + `,
			"empty.example.com": {},
			"Ported.Example.com:443": ` + basic("ported", "p") + `,
			"http://twice.example.com": ` + basic("first", "p") + `,
			"https://twice.example.com/v1/": ` + basic("second", "p") + `,
			"https://named.example.com": ` + basic("url", "p") + `,
			"named.example.com": ` + basic("name", "p") + `,
			"split.example.com": {"username":"split","password":"p"},
			"identity.example.com": {"auth":"` + me + `","identitytoken":"refresh"},
			"token.example.com": {"registrytoken":"bearer"}
		},
		"unknown": {"to": "us"}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	source := Inline{Config: config, Name: "test", Helpers: &Helpers{}}
	for target, want := range map[Target]Credential{
		{"docker.io", "library/alpine"}:            {Username: "hub", Password: "p", Origin: "test"},
		{"registry.example.com", "other"}:          {Username: "whole", Password: "p:with:colons", Origin: "test"},
		{"registry.example.com", "team/other"}:     {Username: "team", Password: "p", Origin: "test"},
		{"registry.example.com", "team/app"}:       {Username: "app", Password: "p", Origin: "test"},
		{"registry.example.com", "team/app/child"}: {Username: "app", Password: "p", Origin: "test"},
		{"registry.example.com", "team-2/app"}:     {Username: "whole", Password: "p:with:colons", Origin: "test"},
		{"registry.example.com:5000", "team/app"}:  {},
		{"old.example.com", "app"}:                 {Username: "old", Password: "p", Origin: "test"},
		{"path.example.com", "app"}:                {},
		{"empty.example.com", "app"}:               {},
		{"split.example.com", "app"}:               {Username: "split", Password: "p", Origin: "test"},
		{"identity.example.com", "app"}:            {Username: "me", IdentityToken: "refresh", Origin: "test"},
		{"token.example.com", "app"}:               {RegistryToken: "bearer", Origin: "test"},
		{"none.example.com", "app"}:                {},
		{"ported.example.com", "app"}:              {Username: "ported", Password: "p", Origin: "test"},
		{"twice.example.com", "app"}:               {Username: "first", Password: "p", Origin: "test"},
		{"named.example.com", "app"}:               {Username: "name", Password: "p", Origin: "test"},
	} {
		if got, err := source.Find(context.Background(), target); err != nil || got != want {
			t.Errorf("%+v: %+v, %v", target, got.Username, err)
		}
	}
}

// The error of a malformed configuration does not quote it.
func TestBadConfig(t *testing.T) {
	for _, text := range []string{
		"", "secret", `{"auths":"secret"}`, `{"auths":{"a":{"auth":"secret!"}}}`,
		`{"auths":{"a":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("secret")) + `"}}}`,
	} {
		if _, err := ParseConfig([]byte(text)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseConfig(%q): %v", text, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"auths":{"registry.example.com":`+basic("u", "p")+`},"credsStore":""}`),
		"registry.example.com", "team/app")
	f.Fuzz(func(t *testing.T, text []byte, host, path string) {
		config, err := ParseConfig(text)
		if err != nil {
			return
		}
		config.helpers, config.store = nil, "" // The test must run no program.
		source := Inline{Config: config, Helpers: &Helpers{}}
		if _, err := source.Find(context.Background(), Target{host, path}); err != nil {
			t.Errorf("a configuration parses but cannot be read: %v", err)
		}
	})
}

// helper writes the program docker-credential-NAME, a shell script, into a directory on PATH.
func helper(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "docker-credential-"+name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// A registry's own helper comes before the store, and helpers come before the entries of the file.
func TestHelpersBeforeFile(t *testing.T) {
	helper(t, "one", `read server; echo '{"Username":"one","Secret":"'$server'"}'`)
	helper(t, "store", `read server; case $server in
		kept.example.com) echo '{"Username":"<token>","Secret":"identity"}';;
		*) echo credentials not found in native keychain; exit 1;; esac`)
	config, err := ParseConfig([]byte(`{"credsStore":"store",
		"credHelpers":{"one.example.com":"one","docker.io":"one"},"auths":{
		"one.example.com":` + basic("file", "p") + `,"kept.example.com":{},"left.example.com":` + basic("left", "p") + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	source := Inline{Config: config, Name: "test", Helpers: &Helpers{}}
	for host, want := range map[string]Credential{
		"one.example.com":  {Username: "one", Password: "one.example.com", Origin: "docker-credential-one"},
		"docker.io":        {Username: "one", Password: "https://index.docker.io/v1/", Origin: "docker-credential-one"},
		"kept.example.com": {IdentityToken: "identity", Origin: "docker-credential-store"},
		"left.example.com": {Username: "left", Password: "p", Origin: "test"},
		"none.example.com": {},
	} {
		if got, err := source.Find(context.Background(), Target{host, "app"}); err != nil || got != want {
			t.Errorf("%s: %s %q, %v", host, got, got.Username, err)
		}
	}
}

// Docker's configuration comes before Podman's. Both are read at every find, and each may have what the other lacks.
func TestStandard(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, name := range []string{"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
		t.Setenv(name, "")
	}
	write := func(path, user string, hosts ...string) {
		t.Helper()
		path = filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		var auths []string
		for _, host := range hosts {
			auths = append(auths, fmt.Sprintf("%q:%s", host, basic(user, "p")))
		}
		if err := os.WriteFile(path, []byte(`{"auths":{`+strings.Join(auths, ",")+`}}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user := func(host string) string {
		t.Helper()
		found, err := Standard(&Helpers{}).Find(context.Background(), Target{host, "app"})
		if err != nil {
			t.Error(err)
		}
		return found.Username
	}
	if got := user("both"); got != "" {
		t.Errorf("without files: %q", got)
	}
	write(".docker/config.json", "docker", "both")
	write(".config/containers/auth.json", "podman", "both", "podman")
	if user("both") != "docker" || user("podman") != "podman" {
		t.Errorf("of the files at home: %q and %q", user("both"), user("podman"))
	}
	write("set/config.json", "set", "both")
	write("auth.json", "file", "podman")
	t.Setenv("DOCKER_CONFIG", filepath.Join(home, "set"))
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(home, "auth.json"))
	if user("both") != "set" || user("podman") != "file" {
		t.Errorf("of files that the environment names: %q and %q", user("both"), user("podman"))
	}
	if err := os.WriteFile(filepath.Join(home, "auth.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Standard(&Helpers{}).Find(context.Background(), Target{"podman", "app"})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "auth.json") {
		t.Errorf("of a broken file: %v", err)
	}
	if user("both") != "set" {
		t.Error("a broken file keeps another from being read")
	}
}
