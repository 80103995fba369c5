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

// Variables of the environment that put another registry in the place of the embedded ones. The log of
// requests, the authentication and the hook stay: they are in front of whatever registry there is.
const (
	// EnvCommand is a program with its arguments, separated by spaces. It starts an empty registry without
	// authentication on a free loopback port, prints its URL (http://127.0.0.1:PORT) as the first line of its
	// output, and ends when its standard input does. Each Server starts one.
	EnvCommand = "REGISTRYTEST_COMMAND"
	// EnvAddress is a registry that runs somewhere, as a URL: https://registry.example.com, or
	// https://harbor.example.com/project where repositories have to be below something. Each Server has
	// repositories of its own there, whose names start with "manifesto-test-". They are not deleted afterwards.
	EnvAddress = "REGISTRYTEST_ADDRESS"
	// EnvUsername and EnvPassword are the login for EnvAddress, for basic and for token authentication.
	EnvUsername = "REGISTRYTEST_USERNAME"
	EnvPassword = "REGISTRYTEST_PASSWORD"
)

// External stands for whatever registry the environment names.
const External Kind = "external"

func kinds() []Kind {
	if os.Getenv(EnvCommand) != "" || os.Getenv(EnvAddress) != "" {
		return []Kind{External}
	}
	return []Kind{Olareg, OlaregNoReferrers, GGCR}
}

// external returns the registry that the environment names, nil where it names none.
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

// commandPatience is how long a program of EnvCommand may take to start, and to end.
const commandPatience = 60 * time.Second

var errCommand = errors.New(EnvCommand + ": the program does not print the URL of its registry")

// runCommand starts the program of EnvCommand and forwards to its registry.
func runCommand(text string) (http.Handler, func() error, error) {
	words := strings.Fields(text)
	command := exec.Command(words[0], words[1:]...) //nolint:gosec,noctx // What the user of the tests names. It ends with its input.
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
			r.Out.Host = r.In.Host // The registry makes its locations of it.
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

// breakOff ends the connection to the client where that to the registry has ended.
func breakOff(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }

// moveLocation makes a location at a registry one at the server in front of it. It returns the location,
// nil where there is none or it is elsewhere.
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

// foreign is the registry of EnvAddress. It logs in there itself: what the provider is asked for is between
// it and the server in front.
type foreign struct {
	address *url.URL
	// prefix starts the name of each repository.
	prefix string
	auth   authn.Authenticator

	mu     sync.Mutex
	logins map[string]login
}

// login is how requests for one repository are sent, and until when.
type login struct {
	transport http.RoundTripper
	until     time.Time
}

// loginLife is less than any token lives (60 s, says the distribution specification): go-containerregistry's
// transport does not send a body again that was refused.
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

// repositoryPath tells the repository of a request from the rest.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(?:manifests|blobs|tags|referrers)/`)

// ServeHTTP implements http.Handler.
func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	match := repositoryPath.FindStringSubmatch(r.URL.Path)
	if match == nil { // The ping, which is answered here as the login is done here.
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}") // The client may be gone.
		return
	}
	// One more level, as some registries have no more.
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
