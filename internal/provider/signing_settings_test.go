package provider

import (
	"crypto/ed25519"
	"crypto/rand"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Settings that cannot sign or verify are an error of the attribute that is at fault. It does not repeat a key.
func TestUnusableSignatureSettings(t *testing.T) {
	t.Parallel()
	authority := notationtest.NewAuthority(t, "Example")
	release, other := authority.Issue(t, "release"), authority.Issue(t, "other")
	expired := authority.Issue(t, "expired", notationtest.Expired)
	later := authority.Issue(t, "later", notationtest.NotYetValid)
	asCA := authority.Issue(t, "authority", notationtest.AsCA)
	plain := authority.Issue(t, "plain", notationtest.WithoutKeyUsage)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed25519ID := authority.IssueFor(t, "edwards", edwards)
	signed := func(id notationtest.Identity, with settingsOf) settingsOf {
		return settingsOf{"private_key": string(id.KeyPEM(t)), "certificate_chain": string(id.ChainPEM())}.and(with)
	}
	plugin := func(with settingsOf) settingsOf {
		return settingsOf{"plugin": settingsOf{"key_id": "release"}.and(with)}
	}
	trusting := func(with settingsOf) settingsOf {
		return settingsOf{
			"trusted_certificates": string(authority.RootPEM()), "trusted_identities": []string{notationtest.TrustedIdentity},
		}.and(with)
	}
	root := string(authority.RootPEM())
	tests := map[string]struct {
		signing, verification settingsOf
		// at is the attribute of the error, and want a part of its text.
		at, want string
	}{
		"no key":         {signing: settingsOf{"expiry": "24h"}, at: "signing", want: "neither a private_key nor a plugin"},
		"key and plugin": {signing: signed(release, plugin(settingsOf{"name": "x"})), at: "signing.plugin", want: "Remove"},
		"certificates and plugin": {
			signing: signed(release, plugin(settingsOf{"private_key": nil, "name": "x"})), at: "signing.plugin", want: "Remove",
		},
		"key without certificate": {
			signing: signed(release, settingsOf{"certificate_chain": nil}), at: "signing.certificate_chain", want: "is missing",
		},
		"certificate without key": {
			signing: signed(release, settingsOf{"private_key": nil}), at: "signing", want: "No key to sign with",
		},
		"path of a key": {
			signing: signed(release, settingsOf{"private_key": "key.pem"}), at: "signing.private_key", want: "not PEM",
		},
		"certificate as the key": {
			signing: signed(release, settingsOf{"private_key": root}), at: "signing.private_key", want: "no private key but",
		},
		"key as the certificate": {
			signing: signed(release, settingsOf{"certificate_chain": string(release.KeyPEM(t))}),
			at:      "signing.certificate_chain", want: "is no certificate but",
		},
		"certificate of an authority": {
			signing: signed(asCA, nil), at: "signing.certificate_chain", want: "certificate authority",
		},
		"Ed25519 key": {signing: signed(ed25519ID, nil), at: "signing.private_key", want: "Ed25519"},
		"other key": {
			signing: signed(release, settingsOf{"private_key": string(other.KeyPEM(t))}), at: "signing.private_key",
			want: "does not belong to the first certificate",
		},
		"expired certificate":         {signing: signed(expired, nil), at: "signing.certificate_chain", want: "has expired"},
		"certificate of the future":   {signing: signed(later, nil), at: "signing.certificate_chain", want: "not yet valid"},
		"certificate without a usage": {signing: signed(plain, nil), at: "signing.certificate_chain", want: "keyUsage"},
		"missing root": {
			signing: signed(release, settingsOf{"certificate_chain": string(notationtest.PEM(release.Chain[:2]...))}),
			at:      "signing.certificate_chain", want: "root is missing",
		},
		"reversed chain": {
			signing: signed(release, settingsOf{"certificate_chain": reversed(release)}), at: "signing.private_key",
			want: "put that first",
		},
		"unknown envelope": {signing: signed(release, settingsOf{"envelope": "cms"}), at: "signing.envelope", want: `"cose"`},
		"expiry in days":   {signing: signed(release, settingsOf{"expiry": "30d"}), at: "signing.expiry", want: "720h"},
		"no expiry":        {signing: signed(release, settingsOf{"expiry": "0s"}), at: "signing.expiry", want: "or more"},
		"negative expiry":  {signing: signed(release, settingsOf{"expiry": "-1h"}), at: "signing.expiry", want: "or more"},
		"parts of a second": {
			signing: signed(release, settingsOf{"expiry": "1500ms"}), at: "signing.expiry", want: "whole seconds",
		},
		"expiry beyond the certificate": {
			signing: signed(release, settingsOf{"expiry": "87600h"}), at: "signing.expiry", want: "take at most",
		},
		"address without its roots": {
			signing: signed(release, settingsOf{"timestamp_url": "http://tsa.example.com"}),
			at:      "signing.timestamp_certificates", want: "are missing",
		},
		"roots without an address": {
			signing: signed(release, settingsOf{"timestamp_certificates": root}), at: "signing.timestamp_url",
			want: "is missing",
		},
		"malformed address": {
			signing: signed(release, settingsOf{"timestamp_url": "tsa.example.com", "timestamp_certificates": root}),
			at:      "signing.timestamp_url", want: "http or https",
		},
		"signing certificate as the authority's": {
			signing: signed(release, settingsOf{
				"timestamp_url": "http://tsa.example.com", "timestamp_certificates": string(notationtest.PEM(release.Chain[0])),
			}),
			at: "signing.timestamp_certificates", want: "neither that of a certificate authority",
		},
		"plugin without a name": {signing: plugin(nil), at: "signing.plugin", want: "neither a name nor a path"},
		"plugin with two names": {
			signing: plugin(settingsOf{"name": "kms", "path": "/kms"}), at: "signing.plugin.path", want: "Remove one",
		},
		"plugin without a key": {
			signing: plugin(settingsOf{"name": "kms", "key_id": ""}), at: "signing.plugin.key_id", want: "at least 1",
		},
		"path of a certificate": {
			verification: trusting(settingsOf{"trusted_certificates": "ca.pem"}), at: "verification.trusted_certificates",
			want: "not PEM",
		},
		"no certificate to trust": {
			verification: trusting(settingsOf{"trusted_certificates": ""}), at: "verification.trusted_certificates",
			want: "there are none",
		},
		"signing certificate as the root": {
			verification: trusting(settingsOf{"trusted_certificates": string(notationtest.PEM(release.Chain[0]))}),
			at:           "verification.trusted_certificates", want: "trust what issued it",
		},
		"no identity": {
			verification: trusting(settingsOf{"trusted_identities": []string{}}), at: "verification.trusted_identities",
			want: "there are none",
		},
		"identity of another kind": {
			verification: trusting(settingsOf{"trusted_identities": []string{"email:me@example.com"}}),
			at:           "verification.trusted_identities", want: "x509.subject:",
		},
		"identity without a state": {
			verification: trusting(settingsOf{"trusted_identities": []string{"x509.subject: C=DE, O=Example"}}),
			at:           "verification.trusted_identities", want: "ST",
		},
		"level of notation": {
			verification: trusting(settingsOf{"level": "audit"}), at: "verification.level", want: "required = false",
		},
		"unknown level": {
			verification: trusting(settingsOf{"level": "loose"}), at: "verification.level", want: "strict or permissive",
		},
		"unknown revocation": {
			verification: trusting(settingsOf{"revocation": "soft"}), at: "verification.revocation", want: `"check"`,
		},
		"signing certificate as the time stamping authority's": {
			verification: trusting(settingsOf{"timestamp_certificates": string(notationtest.PEM(release.Chain[0]))}),
			at:           "verification.timestamp_certificates", want: "neither that of a certificate authority",
		},
		"malformed rollback": {
			verification: trusting(settingsOf{"accepted_rollback": "latest"}), at: "verification.accepted_rollback",
			want: "sha256:",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSettingsCaller(t)
			found := c.validate(c.config(settingsOf{"signing": test.signing, "verification": test.verification}))
			if len(found) != 1 || !strings.HasPrefix(found[0], test.at+": ") || !strings.Contains(found[0], test.want) {
				t.Errorf("the errors are %q, want one at %s with %q", found, test.at, test.want)
			}
			for _, secret := range []notationtest.Identity{release, other, ed25519ID} {
				if text := string(secret.KeyPEM(t)); strings.Contains(strings.Join(found, "\n"), strings.Split(text, "\n")[1]) {
					t.Errorf("the errors repeat a key: %q", found)
				}
			}
		})
	}
}

// The signer asks the time stamping authority for each signature, and not for the one that the configuration makes for
// trial.
func TestSignerWithTimestamps(t *testing.T) {
	t.Parallel()
	tsa := notationtest.NewTSA(t)
	release := notationtest.NewAuthority(t, "Example").Issue(t, "release")
	c := newSettingsCaller(t)
	config := c.config(settingsOf{"signing": settingsOf{
		"private_key": string(release.KeyPEM(t)), "certificate_chain": string(release.ChainPEM()), "envelope": "cose",
		"timestamp_url": tsa.URL, "timestamp_certificates": string(tsa.Roots), "expiry": "24h",
	}})
	if found := append(c.validate(config), c.configure(config)...); len(found) > 0 || tsa.Asked() > 0 {
		t.Fatalf("%d timestamps, the errors are %q", tsa.Asked(), found)
	}
	made, err := c.provider.data.signer.Sign(t.Context(), notationtest.Target("x"))
	if err != nil {
		t.Fatal(err)
	}
	if !made.Timestamped || tsa.Asked() != 1 || made.MediaType != signing.MediaTypeCOSE ||
		made.ExpiresAt.Sub(made.SignedAt) != 24*time.Hour {
		t.Errorf("after %d timestamps, the signature is %+v", tsa.Asked(), made.Claims)
	}
}

// pluginOf is the attribute signing with the plugin of package notationtest.
func pluginOf(t *testing.T, mode notationtest.PluginMode, id notationtest.Identity) settingsOf {
	t.Helper()
	options := notationtest.Plugin(t, mode, id, "")
	environment := settingsOf{}
	for name, value := range options.Environment {
		environment[name] = value
	}
	return settingsOf{"plugin": settingsOf{"path": options.Path, "key_id": options.KeyID, "environment": environment}}
}

// Settings with a plugin that cannot sign are valid, since validation runs no plugin, and fail when the provider is
// configured.
func TestUnusablePlugin(t *testing.T) {
	t.Parallel()
	release := notationtest.NewAuthority(t, "Example").Issue(t, "release")
	named := func(plugin settingsOf) settingsOf {
		return settingsOf{"plugin": settingsOf{"key_id": "release"}.and(plugin)}
	}
	tests := map[string]struct {
		signing  settingsOf
		at, want string
	}{
		"missing": {
			named(settingsOf{"path": filepath.Join(t.TempDir(), "notation-kms")}), "signing.plugin.path", "notation-kms",
		},
		"not installed": {named(settingsOf{"name": "nowhere"}), "signing.plugin.name", "nowhere"},
		"no name":       {named(settingsOf{"name": "../kms"}), "signing.plugin.name", "not the name of a plugin"},
		"no plugin": {
			pluginOf(t, notationtest.PluginBabbles, release), "signing.plugin.path", "not what a plugin of the Notary Project",
		},
		"no variable": {
			named(settingsOf{"path": "/bin/sh", "environment": settingsOf{"A=B": "x"}}), "signing.plugin.environment", "A=B",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSettingsCaller(t)
			config := c.config(settingsOf{"signing": test.signing})
			if found := c.validate(config); len(found) > 0 {
				t.Errorf("validation: %q", found)
			}
			found := c.configure(config)
			if len(found) != 1 || !strings.HasPrefix(found[0], test.at+": ") || !strings.Contains(found[0], test.want) {
				t.Errorf("the errors are %q, want one at %s with %q", found, test.at, test.want)
			}
			if c.provider.data != nil {
				t.Error("the provider is configured")
			}
		})
	}
}

// reversed returns the chain of an identity with its root first.
func reversed(id notationtest.Identity) string {
	chain := slices.Clone(id.Chain)
	slices.Reverse(chain)
	return string(notationtest.PEM(chain...))
}

// Settings that can sign and verify configure the provider. Settings that are not known yet do as well, without them:
// what would sign or verify tells when it has to.
func TestSignatureSettings(t *testing.T) {
	t.Parallel()
	authority := notationtest.NewAuthority(t, "Example")
	release := authority.Issue(t, "release")
	key := settingsOf{"private_key": string(release.KeyPEM(t)), "certificate_chain": string(release.ChainPEM())}
	trust := settingsOf{
		"trusted_certificates": string(authority.RootPEM()), "trusted_identities": []string{notationtest.TrustedIdentity},
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	tests := map[string]struct {
		settings                            settingsOf
		signs, signingUnknown               bool
		verifies, verificationUnknown       bool
		permissive, revocation, notRequired bool
		acceptedRollback                    string
	}{
		"none": {settings: settingsOf{}},
		"both": {settings: settingsOf{"signing": key, "verification": trust}, signs: true, verifies: true},
		"all of signing": {
			settings: settingsOf{"signing": key.and(settingsOf{
				"envelope": "cose", "expiry": "24h", "timestamp_url": "http://tsa.example.com",
				"timestamp_certificates": string(authority.RootPEM()),
			})},
			signs: true,
		},
		"a plugin": {settings: settingsOf{"signing": pluginOf(t, notationtest.PluginSigns, release)}, signs: true},
		"all of verification": {
			settings: settingsOf{"verification": trust.and(settingsOf{
				"level": "permissive", "revocation": "check", "required": false, "accepted_rollback": digest,
				"timestamp_certificates": string(authority.RootPEM()),
			})},
			verifies: true, permissive: true, revocation: true, notRequired: true, acceptedRollback: digest,
		},
		"the defaults, spelled out": {
			settings: settingsOf{
				"signing":      key.and(settingsOf{"envelope": "jws"}),
				"verification": trust.and(settingsOf{"level": "strict", "revocation": "off", "required": true}),
			},
			signs: true, verifies: true,
		},
		"unknown key": {
			settings: settingsOf{"signing": key.and(settingsOf{"private_key": unknownValue{}})}, signingUnknown: true,
		},
		"unknown signing": {settings: settingsOf{"signing": unknownValue{}}, signingUnknown: true},
		"unknown plugin": {
			settings: settingsOf{"signing": settingsOf{"plugin": unknownValue{}, "private_key": nil}}, signingUnknown: true,
		},
		"unknown name of a plugin": {
			settings:       settingsOf{"signing": settingsOf{"plugin": settingsOf{"name": unknownValue{}, "key_id": "k"}}},
			signingUnknown: true,
		},
		"unknown environment of a plugin": {
			settings: settingsOf{"signing": settingsOf{
				"plugin": settingsOf{"name": "kms", "key_id": "k", "environment": unknownValue{}},
			}},
			signingUnknown: true,
		},
		"unknown trust": {
			settings:            settingsOf{"verification": trust.and(settingsOf{"trusted_certificates": unknownValue{}})},
			verificationUnknown: true,
		},
		"unknown identities": {
			settings:            settingsOf{"verification": trust.and(settingsOf{"trusted_identities": unknownValue{}})},
			verificationUnknown: true,
		},
		"unknown verification": {settings: settingsOf{"verification": unknownValue{}}, verificationUnknown: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newSettingsCaller(t)
			config := c.config(test.settings)
			if found := append(c.validate(config), c.configure(config)...); len(found) > 0 {
				t.Fatalf("the errors are %q", found)
			}
			data := c.provider.data
			if signs := data.signer != nil; signs != test.signs || data.settings.signingUnknown != test.signingUnknown {
				t.Errorf("signs: %t, unknown: %t", signs, data.settings.signingUnknown)
			}
			v := data.verification
			if (v != nil) != test.verifies || data.settings.verificationUnknown != test.verificationUnknown {
				t.Fatalf("verifies: %t, unknown: %t", v != nil, data.settings.verificationUnknown)
			}
			if v != nil && (v.verifier == nil || v.required == test.notRequired || v.options.Permissive != test.permissive ||
				v.options.CheckRevocation != test.revocation || v.acceptedRollback.String() != test.acceptedRollback) {
				t.Errorf("the verification is %+v", v)
			}
		})
	}
}
