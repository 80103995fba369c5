//go:build unix

package e2e

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Users, secrets and contents in these tests. No output and no log may have any of the secrets or contents, unless the
// constant says otherwise.
const (
	user          = "robot"
	password      = "correct-horse-battery-staple"
	reader        = "reader"
	readerSecret  = "only-to-read-with"
	identityToken = "refresh-me-if-you-can"
	wrongPassword = "incorrect-horse"
	hiddenContent = "content that nobody is to see anywhere"
	// shownContent is not marked as sensitive. Terraform's plans show it, and logs must not.
	shownContent = "content that nobody is to see in a log"
)

// accessed is the repository of these tests.
const accessed = "team/app"

// setting is the surroundings of one case: a workspace, a registry and what belongs to it.
type setting struct {
	*workspace

	authority *authority
	issuer    *issuer
	kind      servers.Kind
	registry  *server
	// image is a reference to the image, with the name by which the case calls the registry.
	image string
}

// one is a case of access.
type one struct {
	name string
	// both means that the case runs with both versions of distribution instead of the newer one only.
	both bool
	// short means that the case is part of short runs, too.
	short bool
	run   func(t *testing.T, s *setting)
}

// tools are Terraform and the built provider.
type tools struct{ terraform, provider string }

// TestAccess goes every way to a registry with real Terraform processes. It checks that the way works or that the error
// says what to do, and that no output and no log has a secret or a content.
func TestAccess(t *testing.T) {
	found := findTools(t)
	for _, c := range slices.Concat(successes, failures, disturbances) {
		for _, kind := range servers.Kinds {
			if !kind.Secured || !c.both && kind.Name != servers.Kinds[0].Name {
				continue
			}
			t.Run(c.name+" on "+kind.Title, func(t *testing.T) {
				if testing.Short() && (!c.short || kind.Name != servers.Kinds[0].Name) {
					t.Skip("left out of short runs")
				}
				t.Parallel()
				a := newAuthority(t)
				s := &setting{workspace: newWorkspace(t, found.terraform, found.provider), authority: a, kind: kind}
				s.issuer = newIssuer(t, a, map[string]account{
					user:   {password: password, identityToken: identityToken, actions: []string{"pull", "push"}},
					reader: {password: readerSecret, actions: []string{"pull"}},
				})
				s.secrets = []string{
					password, readerSecret, identityToken, wrongPassword, user + ":" + password, reader + ":" + readerSecret,
					user + ":" + wrongPassword, proxyPassword, "me:" + proxyPassword, hiddenContent,
				}
				s.unlogged = []string{shownContent}
				// Cleanups run in reverse order: the workspace looks for these secrets afterwards.
				t.Cleanup(func() { s.secrets = append(s.secrets, s.issuer.issued()...) })
				c.run(t, s)
			})
		}
	}
}

// serve starts the registry with an image in it. It requires a password unless the options have a token service.
func (s *setting) serve(options servers.Options) {
	s.t.Helper()
	login := credentials.Credential{RegistryToken: s.token(time.Hour)}
	if options.Token == nil {
		options.Htpasswd = htpasswd(s.t, user, password)
		login = credentials.Credential{Username: user, Password: password}
	}
	s.registry = start(s.t, s.kind, options)
	s.push(login)
	s.at(s.registry.Host)
}

// secure returns the options of a registry with TLS. Its certificate is valid for this machine and for more hosts.
func (s *setting) secure(hosts ...string) servers.Options {
	s.t.Helper()
	return servers.Options{TLS: s.authority.server(s.t, append([]string{"127.0.0.1"}, hosts...)...)}
}

// at sets the name of the registry in the image's reference.
func (s *setting) at(host string) {
	s.image = host + "/" + accessed + ":1"
}

// token returns a token for the repository with a limited life.
func (s *setting) token(life time.Duration) string {
	return s.issuer.sign(user, time.Now().Add(life), []access{{"repository", accessed, []string{"pull", "push"}}})
}

// push pushes the image by a client of its own.
func (s *setting) push(login credentials.Credential) {
	s.t.Helper()
	repository, err := oci.ParseRepository(s.registry.Host+"/"+accessed, "")
	if err != nil {
		s.t.Fatal(err)
	}
	config := registry.HostConfig{Scheme: s.registry.Scheme}
	certificate, key := s.authority.issue(s.t, x509.ExtKeyUsageClientAuth, "client")
	config.TLS = registry.TLSConfig{
		CACertificate: s.read(s.authority.file), ClientCertificate: s.read(certificate), ClientKey: s.read(key),
	}
	client := registry.NewClient(registry.Options{
		Registries:  map[string]registry.HostConfig{s.registry.Host: config},
		Credentials: credentials.Settings{s.registry.Host: login},
	})
	defer client.Close()
	if _, err := registrytest.PushImage(context.Background(), client.Open(repository), "1", "one"); err != nil {
		s.t.Fatal(err)
	}
}

func (s *setting) read(file string) []byte {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// host returns the name of the registry in the image's reference.
func (s *setting) host() string {
	host, _, _ := strings.Cut(s.image, "/")
	return host
}

// trusted returns the settings for TLS with a registry on loopback: the scheme and the authority.
func (s *setting) trusted() string {
	return fmt.Sprintf("plain_http = false\nca_certificate = file(%q)\n", s.authority.file)
}

// configure writes a configuration. It has the provider with settings of the registry, which may use the variables, and
// metadata with every form of content.
func (s *setting) configure(registrySettings string) {
	s.t.Helper()
	s.configureProvider(fmt.Sprintf("registries = {\n%q = {\n%s\n}\n}\n", s.host(), registrySettings))
}

// variables are those of the configurations. They come from the environment, because Terraform logs its command line.
var variables = map[string]string{
	"password": password, "reader": readerSecret, "identity": identityToken, "wrong": wrongPassword,
	"hidden": hiddenContent,
}

func (s *setting) configureProvider(body string) {
	s.t.Helper()
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("terraform {\nrequired_providers {\nmanifesto = { source = \"imagemanifesto/manifesto\" }\n}\n}")
	for name, value := range variables {
		line("variable %q {\ntype = string\nsensitive = true\n}", name)
		s.env = append(s.env, "TF_VAR_"+name+"="+value)
	}
	line("variable \"extra\" {\ntype = string\nsensitive = true\ndefault = \"\"\n}")
	line("provider \"manifesto\" {\n%s\n}", body)
	line("locals {\nimage = %q\n}", s.image)
	resource := func(name, content string) {
		line("resource \"manifesto_metadata\" %q {\nimage = local.image\ntype = %[1]q\n%s\n}", name, content)
	}
	resource("text", "content = \"text: ${var.hidden}\"")
	resource("binary", "content_base64 = base64encode(var.hidden)")
	resource("file", "source = \"hidden.txt\"")
	resource("shown", fmt.Sprintf("content = %q", shownContent))
	resource("hidden", "content_wo = var.hidden\ncontent_wo_version = 1")
	s.write(filepath.Join(s.dir, "main.tf"), text.String(), 0o600)
	s.write(filepath.Join(s.dir, "hidden.txt"), "file: "+hiddenContent, 0o600)
}

// works applies, checks that the next plan is empty, and destroys.
func (s *setting) works() {
	s.t.Helper()
	s.succeed("apply", "-auto-approve")
	s.succeed("plan", "-detailed-exitcode")
	s.succeed("destroy", "-auto-approve")
}

// asRobot are settings of a login with the password.
const asRobot = "username = \"robot\"\npassword = var.password\n"

// successes are the ways that work.
var successes = []one{
	{name: "TLS and a password", short: true, both: true, run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.configure(s.trusted() + asRobot)
		s.works()
	}},
	{name: "a certificate that is not verified", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.configure("plain_http = false\ninsecure_skip_verify = true\n" + asRobot)
		s.works()
	}},
	{name: "a token service", short: true, both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.configure(s.trusted() + asRobot)
		s.works()
	}},
	{name: "an identity token", both: true, run: func(t *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.configure(s.trusted() + "identity_token = var.identity\n")
		s.works()
		if s.issuer.posts.Load() == 0 {
			t.Error("it was not used")
		}
	}},
	{name: "a token", both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.env = append(s.env, "TF_VAR_extra="+s.token(time.Hour))
		s.configure(s.trusted() + "token = var.extra\n")
		s.works()
	}},
	{name: "a client certificate", short: true, both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.TLS.ClientCA = s.authority.file
		s.serve(options)
		certificate, key := s.client()
		s.configure(s.trusted() + asRobot +
			fmt.Sprintf("client_certificate = file(%q)\nclient_key = file(%q)\n", certificate, key))
		s.works()
	}},
	{name: "certificates in certs.d", both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.TLS.ClientCA = s.authority.file
		s.serve(options)
		certificate, key := s.client()
		dir := filepath.Join(s.home, ".config", "containers", "certs.d", s.host())
		s.write(filepath.Join(dir, "ca.crt"), string(s.read(s.authority.file)), 0o600)
		s.write(filepath.Join(dir, "client.cert"), string(s.read(certificate)), 0o600)
		s.write(filepath.Join(dir, "client.key"), string(s.read(key)), 0o600)
		s.configure("plain_http = false\n" + asRobot)
		s.works()
	}},
	{name: "a forward proxy", short: true, both: true, run: func(t *testing.T, s *setting) {
		proxy := s.throughProxy(s.secure("registry.test"), "registry.test")
		s.configure(s.trusted() + asRobot)
		s.works()
		if proxy.tunnel.Load() == 0 {
			t.Error("nothing went through the proxy")
		}
	}},
	{name: "a token service of another name", run: func(_ *testing.T, s *setting) {
		s.redirected()
		s.configure(s.trusted() + asRobot + "auth_hosts = [\"" + elsewhere + "\"]\n")
		s.works()
	}},
	{name: "a Docker configuration", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.login(filepath.Join(s.home, ".docker", "config.json"), s.host(), user, password)
		s.configure(s.trusted())
		s.works()
	}},
	{name: "a Docker configuration elsewhere", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		dir := filepath.Join(s.home, "elsewhere")
		s.login(filepath.Join(dir, "config.json"), s.host(), user, password)
		s.env = append(s.env, "DOCKER_CONFIG="+dir)
		s.configure(s.trusted())
		s.works()
	}},
	{name: "a Docker configuration in the provider", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.login(filepath.Join(s.home, ".docker", "config.json"), s.host(), user, wrongPassword) // It has a lower rank.
		s.configureProvider(fmt.Sprintf("registries = {\n%q = {\n%s}\n}\ndocker_config = jsonencode({ auths = { %[1]q = { "+
			"auth = base64encode(\"robot:${var.password}\") } } })\n", s.host(), s.trusted()))
		s.works()
	}},
	{name: "a credential helper", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.helper(fmt.Sprintf("read -r server\n[ \"$server\" = %q ] || exit 1\n"+
			"echo '{\"Username\":\"%s\",\"Secret\":\"%s\"}'\n", s.host(), user, password))
		s.configure(s.trusted())
		s.works()
	}},
	{name: "a credential helper with an identity token", run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.helper(fmt.Sprintf("echo '{\"Username\":\"<token>\",\"Secret\":\"%s\"}'\n", identityToken))
		s.configure(s.trusted())
		s.works()
	}},
	{name: "Podman's logins by repository", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		file := filepath.Join(s.home, "auth.json")
		entry := func(password string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + password)) }
		s.write(file, fmt.Sprintf(`{"auths":{%q:{"auth":%q},%q:{"auth":%q}}}`,
			s.host(), entry(wrongPassword), s.host()+"/team", entry(password)), 0o600)
		s.env = append(s.env, "REGISTRY_AUTH_FILE="+file)
		s.configure(s.trusted())
		s.works()
	}},
}

// client makes a client's certificate and returns its file and its key's file.
func (s *setting) client() (certificate, key string) {
	s.t.Helper()
	certificate, key = s.authority.issue(s.t, x509.ExtKeyUsageClientAuth, "client")
	lines := strings.Split(strings.TrimSpace(string(s.read(key))), "\n")
	s.secrets = append(s.secrets, lines[1]) // The first line after the header.
	return certificate, key
}

// throughProxy serves the registry under a name that only a proxy resolves.
func (s *setting) throughProxy(options servers.Options, name string) *connector {
	s.t.Helper()
	s.serve(options)
	proxy := newConnector(s.t)
	s.env = append(s.env, "HTTPS_PROXY="+proxy.url)
	_, port, _ := strings.Cut(s.registry.Host, ":")
	s.at(name + ":" + port)
	return proxy
}

// redirected serves a registry with a token service in another domain.
func (s *setting) redirected() {
	s.t.Helper()
	options := s.secure("registry.test")
	options.Token = s.issuer.options()
	options.Token.Realm = strings.Replace(s.issuer.url, "127.0.0.1", elsewhere, 1)
	s.throughProxy(options, "registry.test")
}

// login writes a Docker configuration.
func (s *setting) login(file, host, user, password string) {
	s.t.Helper()
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	s.write(file, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth), 0o600)
}

// helper installs a script as the credential helper of all registries.
func (s *setting) helper(script string) {
	s.t.Helper()
	bin := filepath.Join(s.home, "bin")
	s.write(filepath.Join(bin, "docker-credential-test"), "#!/bin/sh\n"+script, fs.FileMode(0o700))
	s.env = append(s.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	s.write(filepath.Join(s.home, ".docker", "config.json"), `{"credsStore":"test"}`, 0o600)
}

// settingOf returns the name of the registry's settings in diagnostics.
func (s *setting) settingOf() string { return fmt.Sprintf("registries[%q]", s.host()) }

// failures are the ways that fail. The diagnostics name the registry, the cause and the setting to change.
var failures = []one{
	{name: "a wrong password", short: true, both: true, run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.configure(s.trusted() + "username = \"robot\"\npassword = var.wrong\n")
		s.fail("apply", "refused the credentials", s.host(), "401", s.settingOf())
	}},
	{name: "a wrong password for the token service", both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.configure(s.trusted() + "username = \"robot\"\npassword = var.wrong\n")
		s.fail("apply", "refused the credentials", s.host(), "401", "/token", s.settingOf())
	}},
	{name: "no password", both: true, run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.configure(s.trusted())
		s.fail("plan", "refused the credentials", s.host(), "anonymous", s.settingOf(), "docker login")
	}},
	{name: "an expired token", short: true, both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.env = append(s.env, "TF_VAR_extra="+s.token(-time.Hour))
		s.configure(s.trusted() + "token = var.extra\n")
		s.fail("plan", "refused the credentials", s.host(), "401", "expired", s.settingOf())
	}},
	{name: "an unknown authority", short: true, both: true, run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.configure("plain_http = false\n" + asRobot)
		s.fail("plan", "certificate is not trusted", s.host(), "unknown authority", s.settingOf(), "ca_certificate",
			"certs.d/"+s.host())
	}},
	{name: "a certificate for another name", run: func(_ *testing.T, s *setting) {
		s.throughProxy(s.secure("another.test"), "registry.test")
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "certificate is not trusted", s.host(), "valid for", "another.test", "not registry.test")
	}},
	{name: "no client certificate", both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.TLS.ClientCA = s.authority.file
		s.serve(options)
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "wants a client certificate", s.host(), s.settingOf(), "client_certificate", "client_key")
	}},
	{name: "no TLS", short: true, both: true, run: func(_ *testing.T, s *setting) {
		s.throughProxy(servers.Options{}, "registry.test")
		s.configure(asRobot)
		s.fail("plan", "without TLS", s.host(), s.settingOf(), "plain_http = true")
	}},
	{name: "a name past the proxy", run: func(t *testing.T, s *setting) {
		proxy := s.throughProxy(s.secure("registry.test"), "registry.test")
		s.env = append(s.env, "NO_PROXY=registry.test")
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "unreachable", s.host(), "no such host", "NO_PROXY")
		if n := proxy.tunnel.Load(); n != 0 {
			t.Errorf("%d connections went through the proxy", n)
		}
	}},
	{name: "a proxy that does not know the name", run: func(_ *testing.T, s *setting) {
		s.throughProxy(s.secure("registry.invalid"), "registry.invalid")
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "unreachable", s.host(), "Bad Gateway", "HTTPS_PROXY")
	}},
	{name: "a proxy that wants another password", run: func(_ *testing.T, s *setting) {
		proxy := s.throughProxy(s.secure("registry.test"), "registry.test")
		s.env = append(s.env, "HTTPS_PROXY="+strings.Replace(proxy.url, proxyPassword, wrongPassword, 1))
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "unreachable", s.host(), "Proxy Authentication Required", "HTTPS_PROXY")
	}},
	{name: "a proxy that is not there", run: func(_ *testing.T, s *setting) {
		s.throughProxy(s.secure("registry.test"), "registry.test")
		s.env = append(s.env, "HTTPS_PROXY=http://me:"+proxyPassword+"@127.0.0.1:1")
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "unreachable", s.host(), "proxyconnect", "127.0.0.1:1", "HTTPS_PROXY")
	}},
	{name: "a token service that is not there", run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		options.Token.Realm = "https://127.0.0.1:1/token"
		s.serve(options)
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "unreachable", s.host(), "https://127.0.0.1:1/token")
	}},
	{name: "a token service of another name, not allowed", run: func(t *testing.T, s *setting) {
		s.redirected()
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "Token service refused", s.host(), elsewhere, s.settingOf(), "auth_hosts")
		if n := s.issuer.asked.Load(); n != 0 {
			t.Errorf("it was asked %d times", n)
		}
	}},
	{name: "a credential helper that hangs", run: func(t *testing.T, s *setting) {
		s.serve(s.secure())
		s.helper("sleep 600\n")
		s.configure(s.trusted())
		began := time.Now()
		s.fail("plan", "refused the credentials", s.host(), "anonymous", "docker-credential-test", "no answer",
			s.settingOf())
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
	}},
	{name: "a credential helper that fails", run: func(_ *testing.T, s *setting) {
		s.serve(s.secure())
		s.helper("echo " + password + " >&2\necho " + password + "\nexit 3\n")
		s.configure(s.trusted())
		s.fail("plan", "refused the credentials", s.host(), "anonymous", "docker-credential-test", "exit status 3",
			s.settingOf())
	}},
	{name: "401 on write", both: true, run: func(_ *testing.T, s *setting) {
		s.behindFront(servers.Options{}, func(w http.ResponseWriter, r *http.Request) bool {
			if !writes(r) {
				return false
			}
			w.Header().Set("WWW-Authenticate", `Basic realm="writers"`)
			registrytest.Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "not to write")
			return true
		})
		s.configure(s.trusted() + asRobot)
		s.succeed("plan")
		s.fail("apply", "refused the credentials", s.host(), "401", "not to write", s.settingOf())
	}},
	{name: "403 on write", short: true, both: true, run: func(_ *testing.T, s *setting) {
		s.behindFront(servers.Options{}, func(w http.ResponseWriter, r *http.Request) bool {
			if !writes(r) {
				return false
			}
			registrytest.Refuse(w, http.StatusForbidden, "DENIED", "this project is read-only")
			return true
		})
		s.configure(s.trusted() + asRobot)
		s.succeed("plan")
		s.fail("apply", "Permission denied", s.host(), "403", "read-only", "push", s.settingOf())
	}},
	{name: "a login that may only pull", both: true, run: func(_ *testing.T, s *setting) {
		options := s.secure()
		options.Token = s.issuer.options()
		s.serve(options)
		s.configure(s.trusted() + asRobot)
		s.succeed("apply", "-auto-approve")
		s.configure(s.trusted() + "username = \"reader\"\npassword = var.reader\n")
		s.succeed("plan", "-detailed-exitcode")
		// The last step: after a failed destroy Terraform forgets that values are sensitive and would print them.
		s.fail("destroy", "Permission denied", s.host(), "401", "permission to push", s.settingOf())
	}},
}

// behindFront serves the registry behind a front with TLS and a hook that disturbs requests.
func (s *setting) behindFront(options servers.Options, hook func(http.ResponseWriter, *http.Request) bool) *front {
	s.t.Helper()
	s.serve(options)
	f := newFront(s.t, s.registry, s.authority.server(s.t, "127.0.0.1"))
	f.hook = hook
	s.at(f.host)
	return f
}

// storm returns a hook that answers 429 to a number of requests.
func storm(times int, retryAfter func() string) func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if times == 0 {
			return false
		}
		times--
		w.Header().Set("Retry-After", retryAfter())
		registrytest.Refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many requests")
		return true
	}
}

// disturbances are ways that work although something disturbs them, or that fail because of it.
var disturbances = []one{
	{name: "429 with seconds", short: true, both: true, run: func(t *testing.T, s *setting) {
		f := s.behindFront(servers.Options{}, storm(3, func() string { return "1" }))
		s.configure(s.trusted() + asRobot)
		began := time.Now()
		s.works()
		if n := f.count(http.StatusTooManyRequests); n != 3 || time.Since(began) < 3*time.Second {
			t.Errorf("%d requests were refused, and it took %s", n, time.Since(began))
		}
	}},
	{name: "429 with a date", run: func(t *testing.T, s *setting) {
		soon := func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }
		f := s.behindFront(servers.Options{}, storm(2, soon))
		s.configure(s.trusted() + asRobot)
		s.works()
		if n := f.count(http.StatusTooManyRequests); n != 2 {
			t.Errorf("%d requests were refused", n)
		}
	}},
	{name: "429 during an apply", both: true, run: func(t *testing.T, s *setting) {
		var stored atomic.Int64
		f := s.behindFront(servers.Options{}, func(w http.ResponseWriter, r *http.Request) bool {
			if n := stored.Add(1); !writes(r) || n%5 != 0 {
				return false
			}
			w.Header().Set("Retry-After", "1")
			registrytest.Refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many requests")
			return true
		})
		// Four other requests between all attempts of one would make the default of 4 retries too few.
		s.configureProvider(fmt.Sprintf("max_retries = 10\nregistries = {\n%q = {\n%s\n}\n}\n",
			s.host(), s.trusted()+asRobot))
		s.works()
		t.Logf("%d requests were refused", f.count(http.StatusTooManyRequests))
		if f.count(http.StatusTooManyRequests) == 0 {
			t.Error("none was refused")
		}
	}},
	{name: "429 for a day", run: func(t *testing.T, s *setting) {
		f := s.behindFront(servers.Options{}, storm(1000, func() string { return "86400" }))
		s.configure(s.trusted() + asRobot)
		s.fail("plan", "Rate limit reached", s.host(), "429", "again after 20", "max_concurrent_requests")
		if n := f.count(http.StatusTooManyRequests); n > 20 {
			t.Errorf("it was asked %d times", n)
		}
	}},
	{name: "a network that drops connections", short: true, both: true, run: func(t *testing.T, s *setting) {
		f := s.behindFront(servers.Options{}, func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Connection", "close") // One request a connection, so that every third request is dropped.
			return false
		})
		d := newDropper(t, f.host)
		s.at(d.host)
		s.configureProvider(fmt.Sprintf("max_retries = 10\nregistries = {\n%q = {\n%s\n}\n}\n",
			s.host(), s.trusted()+asRobot))
		s.works()
		t.Logf("%d connections were dropped", d.dropped.Load())
		if d.dropped.Load() < 3 {
			t.Errorf("only %d connections were dropped", d.dropped.Load())
		}
	}},
	{name: "tokens of three seconds", both: true, run: func(t *testing.T, s *setting) {
		s.issuer.life = 3 * time.Second
		var pings atomic.Int64
		f := s.behindFront(servers.Options{Token: s.issuer.options()}, func(w http.ResponseWriter, r *http.Request) bool {
			pause(r, 200*time.Millisecond) // The apply must take longer than a token lives.
			if r.URL.Path == "/v2/" {
				pings.Add(1)
			}
			if !expired(r) {
				return false
			}
			registrytest.Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "the token has ended")
			return true
		})
		s.configure(s.trusted() + asRobot)
		began := time.Now()
		s.succeed("apply", "-auto-approve", "-parallelism=1")
		if took := time.Since(began); took < 6*time.Second {
			t.Errorf("it took only %s", took)
		}
		s.succeed("plan", "-detailed-exitcode")
		s.succeed("destroy", "-auto-approve", "-parallelism=1")
		if n := f.count(http.StatusUnauthorized); n != int(pings.Load()) {
			t.Errorf("%d requests were refused besides %d pings", n-int(pings.Load()), pings.Load())
		}
		if n := s.issuer.asked.Load(); n < 5 {
			t.Errorf("only %d requests for a token", n)
		}
	}},
}
