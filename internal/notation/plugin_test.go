package notation_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

func TestPluginSigns(t *testing.T) {
	t.Parallel()
	calls := map[notationtest.PluginMode][]string{
		notationtest.PluginSigns: {
			"get-plugin-metadata", "describe-key", "generate-signature", "generate-signature",
		},
		notationtest.PluginMakesEnvelopes: {"get-plugin-metadata", "generate-envelope", "generate-envelope"},
	}
	for mode, want := range calls {
		for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
			t.Run(string(mode)+" "+mediaType, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				log := filepath.Join(t.TempDir(), "log")
				signer, err := notation.NewSigner(t.Context(), notation.SignerOptions{
					Plugin: notationtest.Plugin(t, mode, w.identity, log), Envelope: mediaType, Expiry: time.Hour,
				})
				if err != nil {
					t.Fatal(err)
				}
				made, err := signer.Sign(t.Context(), w.target)
				if err != nil {
					t.Fatal(err)
				}
				w.store.Attach(t, made, w.target)
				verdict := w.verify(t, nil)
				if err = verdict.Err("x"); err != nil || verdict.Good.ExpiresAt.IsZero() {
					t.Errorf("%v, %+v", err, made.Claims)
				}
				text, err := os.ReadFile(log)
				if got := strings.Fields(string(text)); err != nil || !slices.Equal(got, want) {
					t.Errorf("calls %q, want %q (%v)", got, want, err)
				}
			})
		}
	}
}

func TestSignAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plugin, err := notation.NewSigner(t.Context(), notation.SignerOptions{
		Plugin: notationtest.Plugin(t, notationtest.PluginMakesEnvelopes, w.identity, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for _, signer := range []signing.Signer{plugin, notationtest.NewSigner(t, w.identity)} {
		for range 4 {
			group.Go(func() {
				if _, err := signer.Sign(t.Context(), w.target); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
}

func TestPluginByName(t *testing.T) { // It sets an environment variable, so it is not parallel.
	if runtime.GOOS == "windows" {
		t.Skip("needs a symbolic link")
	}
	w := newWorld(t)
	options := notationtest.Plugin(t, notationtest.PluginSigns, w.identity, "")
	libexec := t.TempDir()
	t.Setenv("NOTATION_LIBEXEC", libexec)
	install := func(name string) {
		directory := filepath.Join(libexec, "plugins", name)
		if err := os.MkdirAll(directory, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(options.Path, filepath.Join(directory, "notation-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	install(notationtest.PluginName)
	install("other")
	for name, want := range map[string]string{
		notationtest.PluginName: "", "other": `calls itself "notationtest", not "other"`, "missing": "there is no plugin",
		"../x": "is not the name of a plugin", "": "it is missing",
	} {
		named := notation.PluginOptions{Name: name, KeyID: options.KeyID, Environment: options.Environment}
		_, err := notation.NewSigner(t.Context(), notation.SignerOptions{Plugin: &named})
		checkOption(t, err, "plugin.name", want)
	}
}

// checkOption checks that an error is about an option, or that there is none if want is empty.
func checkOption(t *testing.T, err error, option, want string) {
	t.Helper()
	var of *notation.OptionError
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want == "":
	case !errors.As(err, &of) || of.Option != option || !strings.Contains(err.Error(), want):
		t.Errorf("%v, want %s: %q", err, option, want)
	}
}

func TestPluginRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	directory := t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "text"), []byte("#!/bin/sh"), 0o600); err != nil {
		t.Fatal(err)
	}
	signs := notationtest.PluginSigns
	tests := map[string]struct {
		mode         notationtest.PluginMode
		edit         func(*notation.SignerOptions)
		option, want string
	}{
		"hangs": {
			notationtest.PluginHangs, func(o *notation.SignerOptions) { o.Plugin.Timeout = 300 * time.Millisecond },
			"plugin.path", "did not answer within 300ms",
		},
		"leaves a child": {
			notationtest.PluginLeavesChild, func(o *notation.SignerOptions) { o.Plugin.Timeout = 300 * time.Millisecond },
			"plugin.path", "did not answer within 300ms",
		},
		"floods":  {notationtest.PluginFloods, nil, "plugin.path", "its answer has more than"},
		"babbles": {notationtest.PluginBabbles, nil, "plugin.path", "its answer is not what a plugin"},
		"missing": {
			signs, func(o *notation.SignerOptions) { o.Plugin.Path = filepath.Join(directory, "none") },
			"plugin.path", "there is no plugin",
		},
		"directory": {
			signs, func(o *notation.SignerOptions) { o.Plugin.Path = directory }, "plugin.path", "is not a file",
		},
		"not executable": {
			signs, func(o *notation.SignerOptions) { o.Plugin.Path = filepath.Join(directory, "text") },
			"plugin.path", "is not executable",
		},
		"name and path": {
			signs, func(o *notation.SignerOptions) { o.Plugin.Name = "x" }, "plugin.path", "leave out one of them",
		},
		"no key":    {signs, func(o *notation.SignerOptions) { o.Plugin.KeyID = "" }, "plugin.key_id", "it is missing"},
		"other key": {signs, func(o *notation.SignerOptions) { o.Plugin.KeyID = "x" }, "plugin", "does not match"},
		"key too": {
			signs, func(o *notation.SignerOptions) { o.PrivateKey = w.identity.KeyPEM(t) }, "plugin", "leave out",
		},
		"bad variable": {
			signs, func(o *notation.SignerOptions) { o.Plugin.Environment["A=B"] = "" },
			"plugin.environment", "cannot be an environment variable",
		},
		"expiry beyond certificate": {
			signs, func(o *notation.SignerOptions) { o.Expiry = 20 * 365 * 24 * time.Hour },
			"expiry", "count for longer",
		},
		"timestamps of envelopes": {
			notationtest.PluginMakesEnvelopes, func(o *notation.SignerOptions) {
				o.TimestampURL, o.TimestampCertificates = "http://127.0.0.1", w.authority.RootPEM()
			}, "timestamp_url", "cannot be timestamped",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := notation.SignerOptions{Plugin: notationtest.Plugin(t, test.mode, w.identity, "")}
			if test.edit != nil {
				test.edit(&options)
			}
			begin := time.Now()
			_, err := notation.NewSigner(t.Context(), options)
			checkOption(t, err, test.option, test.want)
			if strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q repeats an escape sequence", err)
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	t.Run("cut chain", func(t *testing.T) {
		t.Parallel()
		cut := notationtest.Identity{Key: w.identity.Key, Chain: w.identity.Chain[:2]}
		_, err := notation.NewSigner(t.Context(), notation.SignerOptions{Plugin: notationtest.Plugin(t, signs, cut, "")})
		checkOption(t, err, "plugin", "the root is missing")
	})
}

func TestPluginEnvironment(t *testing.T) { // It sets environment variables, so it is not parallel.
	for _, name := range []string{"TF_VAR_secret", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"} {
		t.Setenv(name, "hunter2")
	}
	options := notationtest.Plugin(t, notationtest.PluginShowsEnvironment, newWorld(t).identity, "")
	options.Environment["AWS_PROFILE"] = "signing"
	_, err := notation.NewSigner(t.Context(), notation.SignerOptions{Plugin: options})
	if err == nil || !strings.Contains(err.Error(), "AWS_PROFILE") {
		t.Fatalf("%v, want AWS_PROFILE", err)
	}
	_, names, _ := strings.Cut(err.Error(), "ERROR: ")
	names, _, _ = strings.Cut(names, " (")
	for name := range strings.FieldsSeq(names) {
		switch {
		case slices.Contains([]string{"PATH", "HOME", "TMPDIR", "TMP", "TEMP", "AWS_PROFILE"}, name):
		case strings.HasPrefix(name, "NOTATIONTEST_"):
		case runtime.GOOS == "windows":
		default:
			t.Errorf("the plugin sees %s", name)
		}
	}
}

func TestPluginCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := notation.NewSigner(ctx, notation.SignerOptions{
		Plugin: notationtest.Plugin(t, notationtest.PluginHangs, w.identity, ""),
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
}
