package credentials

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// hubServer is the name by which helpers know Docker Hub.
const hubServer = "https://index.docker.io/v1/"

// Config is what docker login and podman login write: credentials by registry, or by a path below one, and
// the helpers that keep others. The zero value has none.
type Config struct {
	// auths are by host, or host and path, as normalize spells them.
	auths map[string]Auth
	// helpers are those of single registries, store that of all others. A helper NAME is the program
	// docker-credential-NAME.
	helpers map[string]string
	store   string
}

// Auth is one entry of a Config.
type Auth struct {
	// Auth is the base64 of "user:password".
	Auth          string `json:"auth"`
	Username      string `json:"username"`
	Password      string `json:"password"`
	IdentityToken string `json:"identitytoken"`
	RegistryToken string `json:"registrytoken"`
}

// errNotConfig: the text is no configuration. What JSON says of it could quote a secret and is not passed on.
var errNotConfig = errors.New("not a Docker configuration: the JSON of an object with auths, credHelpers or credsStore is expected")

// ParseConfig reads a configuration: the JSON of ~/.docker/config.json or of Podman's auth.json.
func ParseConfig(text []byte) (Config, error) {
	var file struct {
		Auths       map[string]Auth   `json:"auths"`
		CredHelpers map[string]string `json:"credHelpers"`
		CredsStore  string            `json:"credsStore"`
	}
	if json.Unmarshal(text, &file) != nil {
		return Config{}, errNotConfig
	}
	c := Config{auths: map[string]Auth{}, helpers: map[string]string{}, store: file.CredsStore}
	for _, key := range slices.Sorted(maps.Keys(file.Auths)) { // Where two keys mean one registry, always the same one counts:
		auth := file.Auths[key]
		if _, err := auth.credential(""); err != nil {
			return Config{}, fmt.Errorf("auths[%q]: %w", key, err)
		}
		name, isURL := normalize(key)
		if _, there := c.auths[name]; auth != (Auth{}) && (!there || !isURL) { // that which is no URL.
			c.auths[name] = auth
		}
	}
	for _, key := range slices.Sorted(maps.Keys(file.CredHelpers)) {
		name, _ := normalize(key)
		c.helpers[name] = file.CredHelpers[key]
	}
	return c, nil
}

// normalize spells a key of a configuration as this package's targets are: versions of Docker have written URLs,
// with the path of an API version, and people write ports and capitals.
func normalize(key string) (name string, isURL bool) {
	_, rest, isURL := strings.Cut(key, "://")
	if !isURL {
		rest = key
	}
	host, path, _ := strings.Cut(rest, "/")
	host = oci.CanonicalHost(host)
	if path = strings.Trim(path, "/"); path == "" || isURL && (path == "v1" || path == "v2") {
		return host, isURL
	}
	return host + "/" + path, isURL
}

// errBadAuth: an entry's auth is not the base64 of a user name, a colon and a password.
var errBadAuth = errors.New("auth is not the base64 of user:password")

func (a Auth) credential(origin string) (Credential, error) {
	c := Credential{
		Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken, Origin: origin,
	}
	if a.Auth == "" {
		return c, nil
	}
	text, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(a.Auth), "="))
	user, password, found := strings.Cut(string(text), ":")
	if err != nil || !found {
		return Credential{}, errBadAuth
	}
	c.Username, c.Password = user, strings.TrimRight(password, "\x00") // Old versions of Docker pad with NUL.
	return c, nil
}

// scoped finds an entry for a path below the registry, the longest first: Podman writes such, and so may a
// configuration made for CI.
func (c Config) scoped(target Target) (Auth, bool) {
	for path := target.Path; path != ""; path = parent(path) {
		if auth, ok := c.auths[target.Host+"/"+path]; ok {
			return auth, true
		}
	}
	return Auth{}, false
}

func parent(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return ""
}

// helper returns the helper that keeps the registry's credentials and the name it knows the registry by.
func (c Config) helper(target Target) (program, server string) {
	server = target.Host
	if server == oci.DefaultRegistry {
		server = hubServer
	}
	if helper := c.helpers[target.Host]; helper != "" {
		return helper, server
	}
	return c.store, server
}

// File is a source that reads a configuration from a file, each time it is asked: a login during a run
// counts.
type File struct {
	// Path is the file. One that is not there has no credentials.
	Path string
	// Helpers runs credential helpers.
	Helpers *Helpers
}

// Find implements Source.
func (f File) Find(ctx context.Context, target Target) (Credential, error) {
	text, err := os.ReadFile(f.Path)
	if errors.Is(err, os.ErrNotExist) {
		return Credential{}, nil
	}
	if err != nil {
		return Credential{}, unavailable(f.Path, err)
	}
	config, err := ParseConfig(text)
	if err != nil {
		return Credential{}, unavailable(f.Path, err)
	}
	return Inline{Config: config, Name: f.Path, Helpers: f.Helpers}.Find(ctx, target)
}

// String returns the name of the source.
func (f File) String() string { return f.Path }

// Inline is a source that has its configuration itself.
type Inline struct {
	Config Config
	// Name says for people where it comes from.
	Name string
	// Helpers runs credential helpers.
	Helpers *Helpers
}

// Find implements Source: what is most particular counts first, and what a helper keeps before what was
// left in the file.
func (i Inline) Find(ctx context.Context, target Target) (Credential, error) {
	if auth, ok := i.Config.scoped(target); ok {
		return i.read(auth)
	}
	var reason error
	if program, server := i.Config.helper(target); program != "" {
		found, err := i.Helpers.get(ctx, program, server)
		if err == nil && !found.IsAnonymous() {
			return found, nil
		}
		reason = err
	}
	if auth, ok := i.Config.auths[target.Host]; ok {
		return i.read(auth)
	}
	return Credential{}, reason
}

// String returns the name of the source.
func (i Inline) String() string { return i.Name }

func (i Inline) read(auth Auth) (Credential, error) {
	c, err := auth.credential(i.Name)
	if err != nil {
		return Credential{}, unavailable(i.Name, err)
	}
	return c, nil
}

// Standard returns the sources that this machine's logins are kept in: Docker's configuration
// ($DOCKER_CONFIG or ~/.docker) and Podman's ($REGISTRY_AUTH_FILE, else auth.json in $XDG_RUNTIME_DIR or
// $XDG_CONFIG_HOME).
func Standard(helpers *Helpers) Chain {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // Without one there is nothing in it.
	}
	below := func(dir string, parts ...string) string {
		if dir == "" {
			return ""
		}
		return filepath.Join(append([]string{dir}, parts...)...)
	}
	docker := below(os.Getenv("DOCKER_CONFIG"), "config.json")
	if docker == "" {
		docker = below(home, ".docker", "config.json")
	}
	paths := []string{docker}
	if set := os.Getenv("REGISTRY_AUTH_FILE"); set != "" {
		paths = append(paths, set)
	} else {
		config := os.Getenv("XDG_CONFIG_HOME")
		if config == "" {
			config = below(home, ".config")
		}
		paths = append(paths, below(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json"), below(config, "containers", "auth.json"))
	}
	var chain Chain
	for _, path := range paths {
		if path != "" {
			chain = append(chain, File{Path: path, Helpers: helpers})
		}
	}
	return chain
}
