package registrytest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Environment variables that replace the embedded registries. The log of requests, the authentication and the hook of a
// Server work with any registry, because they are in front of it.
const (
	// EnvCommand is a program with its arguments, separated by spaces. The program starts an empty registry without
	// authentication on a free loopback port, prints the registry's URL (http://127.0.0.1:PORT) as the first line of
	// its output, and ends when its standard input does. Each Server starts the program once.
	EnvCommand = "REGISTRYTEST_COMMAND"
	// EnvAddress is the URL of a running registry: https://registry.example.com, or
	// https://harbor.example.com/project if repositories must be in a project. Each Server uses repositories of its
	// own there, whose names start with "manifesto-test-", and does not delete them.
	EnvAddress = "REGISTRYTEST_ADDRESS"
	// EnvUsername and EnvPassword are the login for EnvAddress, with basic or token authentication.
	EnvUsername = "REGISTRYTEST_USERNAME"
	EnvPassword = "REGISTRYTEST_PASSWORD"
)

// External is the registry that the environment names.
const External Kind = "external"

func kinds() []Kind {
	if os.Getenv(EnvCommand) != "" || os.Getenv(EnvAddress) != "" {
		return []Kind{External}
	}
	return []Kind{Olareg, OlaregNoReferrers, GGCR}
}

// external returns the registry that the environment names, or nil if it names none.
func external() (handler http.Handler, stop func() error, err error) {
	if command := os.Getenv(EnvCommand); command != "" {
		return runCommand(command)
	}
	if address := os.Getenv(EnvAddress); address != "" {
		handler, err = newForeign(address)
		return handler, func() error { return nil }, err
	}
	return nil, nil, nil
}

// commandPatience limits the time in which a program of EnvCommand must start, and in which it must end.
const commandPatience = 60 * time.Second

var errCommand = errors.New(EnvCommand + ": the program does not print the URL of its registry")

// runCommand starts the program of EnvCommand and forwards to its registry.
func runCommand(text string) (http.Handler, func() error, error) {
	words := strings.Fields(text)
	//nolint:gosec,noctx // The user of the tests names the program, which ends with its input.
	command := exec.Command(words[0], words[1:]...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", EnvCommand, err)
	}
	stop := func() error {
		late := time.AfterFunc(commandPatience, func() { _ = command.Process.Kill() }) // It may have ended by now.
		defer late.Stop()
		return errors.Join(input.Close(), command.Wait())
	}
	impatient := time.AfterFunc(commandPatience, func() { _ = command.Process.Kill() }) // See above.
	line, err := bufio.NewReader(output).ReadString('\n')
	impatient.Stop()
	backend, parseErr := url.Parse(strings.TrimSpace(line))
	if err != nil || parseErr != nil || backend.Host == "" {
		return nil, nil, errors.Join(fmt.Errorf("%w: %q", errCommand, line), stop())
	}
	base := &http.Transport{MaxIdleConnsPerHost: 64}
	handler := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.Out.Host = r.In.Host // The registry puts it into upload locations.
			r.Out.Header.Del("Authorization")
		},
		ModifyResponse: func(resp *http.Response) error {
			moveLocation(resp, backend.Host, resp.Request.Host)
			return nil
		},
		Transport:    base,
		ErrorHandler: breakOff,
	}
	return handler, func() error {
		base.CloseIdleConnections()
		return stop()
	}, nil
}

// breakOff ends the connection to the client because the connection to the registry has ended.
func breakOff(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }

// moveLocation changes a location at a registry to the server in front of it. It returns the location, or nil if the
// answer has none or if it is on another host.
func moveLocation(resp *http.Response, from, to string) *url.URL {
	location, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || location.Path == "" || location.Host != "" && location.Host != from {
		return nil
	}
	if location.Host != "" {
		location.Scheme, location.Host = "http", to
		resp.Header.Set("Location", location.String())
	}
	return location
}

// foreign forwards to the registry of EnvAddress, where it logs in itself. The login that a test requires of the
// provider is that of the server in front.
type foreign struct {
	address *url.URL
	// prefix starts the name of each repository.
	prefix string
	auth   authn.Authenticator

	mu     sync.Mutex
	logins map[string]login
}

// login is a logged-in transport for one repository and the end of its use.
type login struct {
	transport http.RoundTripper
	until     time.Time
}

// loginLife is shorter than the life of any token, which the distribution specification says is at least 60 s:
// go-containerregistry's transport does not send a request's body again after a refusal.
const loginLife = 45 * time.Second

var errAddress = errors.New(EnvAddress + " is not the URL of a registry")

func newForeign(text string) (*foreign, error) {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fmt.Errorf("%w: %q", errAddress, text)
	}
	f := &foreign{
		address: address,
		prefix:  strings.Trim(address.Path+"/manifesto-test-"+strings.ToLower(rand.Text()[:10]), "/"),
		auth:    authn.Anonymous,
		logins:  map[string]login{},
	}
	if username := os.Getenv(EnvUsername); username != "" {
		f.auth = &authn.Basic{Username: username, Password: os.Getenv(EnvPassword)}
	}
	return f, nil
}

// repositoryPath matches the path of a request and captures the repository.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(?:manifests|blobs|tags|referrers)/`)

// ServeHTTP implements http.Handler.
func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := repositoryPath.FindStringSubmatch(r.URL.Path)
	if match == nil { // The ping: the answer says that no login is needed, because this handler logs in.
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}") // The client may be gone.
		return
	}
	// One level below the prefix, because some registries allow no more.
	ours, theirs := "/v2/"+match[1]+"/", "/v2/"+f.prefix+"-"+strings.ReplaceAll(match[1], "/", "-")+"/"
	through, err := f.login(r.Context(), strings.Trim(theirs[len("/v2/"):], "/"))
	if err != nil {
		Refuse(w, http.StatusBadGateway, "UNKNOWN", fmt.Sprintf("%s: logging in: %v", EnvAddress, err))
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: f.address.Scheme, Host: f.address.Host})
			p.Out.URL.Path, p.Out.URL.RawPath = theirs+strings.TrimPrefix(p.In.URL.Path, ours), ""
			p.Out.Header.Del("Authorization")
		},
		ModifyResponse: func(resp *http.Response) error {
			if location := moveLocation(resp, f.address.Host, r.Host); location != nil {
				location.Path, location.RawPath = strings.Replace(location.Path, theirs, ours, 1), ""
				resp.Header.Set("Location", location.String())
			}
			return nil
		},
		Transport:    through,
		ErrorHandler: breakOff,
	}
	proxy.ServeHTTP(w, r)
}

func (f *foreign) login(ctx context.Context, repository string) (http.RoundTripper, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.logins[repository]; time.Now().Before(known.until) {
		return known.transport, nil
	}
	var options []name.Option
	if f.address.Scheme == "http" {
		options = append(options, name.Insecure)
	}
	parsed, err := name.NewRepository(f.address.Host+"/"+repository, options...)
	if err != nil {
		return nil, err
	}
	through, err := transport.NewWithContext(ctx, parsed.Registry, f.auth, http.DefaultTransport,
		[]string{parsed.Scope(transport.PushScope)})
	if err != nil {
		return nil, err
	}
	f.logins[repository] = login{transport: through, until: time.Now().Add(loginLife)}
	return through, nil
}
