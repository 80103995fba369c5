package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// Google returns the source for Google's Artifact Registry and Container Registry. It uses Google's application default
// credentials, from a file or the metadata server, or else the login of gcloud.
func Google() credentials.Source { return newGoogle(options{}) }

func newGoogle(o options) credentials.Source {
	g := &googleCloud{transport: o.transport}
	return newSource("Google Artifact Registry", o, parseGoogle, g.search)
}

// parseGoogle recognizes Google's registries by their domains. One token is valid for all of them.
func parseGoogle(host string) (struct{}, bool) {
	if host == "gcr.io" {
		return struct{}{}, true
	}
	for _, domain := range []string{"gcr.io", "pkg.dev"} {
		if _, ok := below(host, domain); ok {
			return struct{}{}, true
		}
	}
	return struct{}{}, false
}

// googleScope is the scope of a token for Google's registries.
const googleScope = "https://www.googleapis.com/auth/cloud-platform"

// googleFileVariable names the file with application default credentials.
const googleFileVariable = "GOOGLE_APPLICATION_CREDENTIALS"

// probeTimeout bounds the probe for Google's metadata server.
const probeTimeout = 3 * time.Second

type googleCloud struct {
	transport http.RoundTripper
	// offGoogle says that this machine has no metadata server. That never changes.
	offGoogle atomic.Bool
}

// errNoGoogle: there are no application default credentials.
var errNoGoogle = errors.New("no Google credentials here: set " + googleFileVariable +
	", run gcloud auth application-default login, or run where there is a service account")

// search gets an access token.
func (g *googleCloud) search(ctx context.Context, _ struct{}) (credentials.Credential, error) {
	chosen := os.Getenv(googleFileVariable)
	var (
		token  *oauth2.Token
		origin string
		err    error
	)
	if chosen != "" || exists(defaultFile()) {
		origin = "application default credentials"
		token, err = g.fileToken(ctx)
	} else {
		origin = "the metadata server"
		token, err = g.metadataToken(ctx)
	}
	if err != nil && chosen == "" { // A user who chose an account must not act as another.
		if other, gcloudErr := gcloudToken(ctx); gcloudErr == nil {
			token, origin, err = other, "gcloud", nil
		} else if !errors.Is(gcloudErr, errNoGcloud) {
			err = fmt.Errorf("%w; %w", err, gcloudErr)
		}
	}
	if err != nil {
		return credentials.Credential{}, err
	}
	return credentials.Credential{
		Username: "oauth2accesstoken", Password: token.AccessToken, Expires: token.Expiry,
		Origin: "Google Artifact Registry (" + origin + ")",
	}, nil
}

// defaultFile returns the file that gcloud auth application-default login writes.
func defaultFile() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("APPDATA"), "gcloud", "application_default_credentials.json")
	}
	home, _ := os.UserHomeDir() // Without a home, the file is not found.
	return filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// fileToken gets a token with a file's credentials.
func (g *googleCloud) fileToken(ctx context.Context) (*oauth2.Token, error) {
	client := &http.Client{Transport: g.transport}
	if deadline, ok := ctx.Deadline(); ok {
		// The request of a service account ignores ctx. The extra second lets the end of ctx be reported first.
		client.Timeout = time.Until(deadline) + time.Second
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	found, err := google.FindDefaultCredentials(ctx, googleScope)
	if err != nil {
		return nil, fmt.Errorf("the application default credentials cannot be used%s: "+
			"check %s, or run gcloud auth application-default login", fileProblem(), googleFileVariable)
	}
	token, err := found.TokenSource.Token()
	if err != nil {
		return nil, googleReason(err)
	}
	return token, nil
}

// fileProblem describes what is wrong with the file. The library's error does not tell a file that cannot be read from
// a malformed one, and may quote it.
func fileProblem() string {
	path := os.Getenv(googleFileVariable)
	if path == "" {
		path = defaultFile()
	}
	if _, err := os.ReadFile(path); err != nil { //nolint:gosec // Google's libraries have just read it.
		return " (" + cause(err) + ")"
	}
	return " (" + path + " is not a credentials file of Google's)"
}

// googleReason turns the error of a request for a token into one for people.
func googleReason(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.Response != nil {
		kind := answer.ErrorCode
		if kind == "" { // The library does not parse a service account's error.
			var said struct {
				Error string `json:"error"`
			}
			_ = json.Unmarshal(answer.Body, &said) // A body of another form has no code.
			kind = said.Error
		}
		return fmt.Errorf("Google refused the application default credentials (status %d, %s): "+
			"run gcloud auth application-default login, or check the account and the clock",
			answer.Response.StatusCode, code(kind))
	}
	return errors.New(because("the application default credentials give no token", err) +
		": check the file, the network and the proxy")
}

// metadataToken gets a token of the machine's or the container's service account.
func (g *googleCloud) metadataToken(ctx context.Context) (*oauth2.Token, error) {
	var o metadata.Options
	if g.transport != nil {
		o.Client = &http.Client{Transport: g.transport}
	}
	server := metadata.NewWithOptions(&o)
	if g.offGoogle.Load() || !g.onGoogle(ctx, server) {
		return nil, errNoGoogle
	}
	query := url.Values{"scopes": {googleScope}}
	asked := time.Now()
	text, err := server.GetWithContext(ctx, "instance/service-accounts/default/token?"+query.Encode())
	if err != nil {
		if _, absent := errors.AsType[metadata.NotDefinedError](err); absent {
			return nil, errors.New("this machine of Google's has no service account: give it one that may read the repository")
		}
		if status, ok := errors.AsType[*metadata.Error](err); ok {
			return nil, fmt.Errorf("the metadata server answered with status %d: check the machine's service account",
				status.Code)
		}
		return nil, errors.New(because("the metadata server gave no token", err) +
			": check the machine's service account")
	}
	var answer struct {
		Token string `json:"access_token"`
		Life  int64  `json:"expires_in"` // Seconds.
	}
	if json.Unmarshal([]byte(text), &answer) != nil || answer.Token == "" || answer.Life <= 0 {
		return nil, errors.New("the metadata server sent no token that can be read")
	}
	return &oauth2.Token{AccessToken: answer.Token, Expiry: asked.Add(time.Duration(answer.Life) * time.Second)}, nil
}

// onGoogle reports whether this machine has a metadata server. It remembers a negative result.
func (g *googleCloud) onGoogle(ctx context.Context, server *metadata.Client) bool {
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	found := server.OnGCEWithContext(probe)
	if !found && ctx.Err() == nil {
		g.offGoogle.Store(true)
	}
	return found
}
