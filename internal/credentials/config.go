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

// hubServer is the name of Docker Hub in helpers.
const hubServer = "https://index.docker.io/v1/"

// Config is a configuration that docker login or podman login writes: credentials of registries, or of paths in a
// registry, and the helpers that keep others. The zero value has none.
type Config struct {
	// auths are keyed by host, or by host and path, in the spelling of normalize.
	auths map[string]Auth
	// helpers are keyed by host, and store is the helper for all other hosts. A helper NAME is the program
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

// errNotConfig: the text is not a configuration. It replaces the error of JSON, which could quote a secret.
var errNotConfig = errors.New("not a Docker configuration: " +
	"the JSON of an object with auths, credHelpers or credsStore is expected")

// ParseConfig reads a configuration: the JSON of ~/.docker/config.json or of Podman's auth.json. Its errors hold no
// secrets.
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
	// Two keys may mean one registry. The order makes the result deterministic: a key that is not a URL wins.
	for _, key := range slices.Sorted(maps.Keys(file.Auths)) {
		auth := file.Auths[key]
		if _, err := auth.credential(""); err != nil {
			return Config{}, fmt.Errorf("auths[%q]: %w", key, err)
		}
		name, isURL := normalize(key)
		if _, there := c.auths[name]; auth != (Auth{}) && (!there || !isURL) {
			c.auths[name] = auth
		}
	}
	for _, key := range slices.Sorted(maps.Keys(file.CredHelpers)) {
		name, _ := normalize(key)
		c.helpers[name] = file.CredHelpers[key]
	}
	return c, nil
}

// normalize returns a key of a configuration in the spelling of a Target: canonical host, and path if there is one. Old
// versions of Docker wrote URLs with the path of an API version, and people write ports and capitals.
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

// errBadAuth: the auth of an entry is not the base64 of a user name, a colon and a password.
var errBadAuth = errors.New("auth is not the base64 of user:password")

func (a Auth) credential(origin string) (Credential, error) {
	c := Credential{
		Username: a.Username, Password: a.Password, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
		Origin: origin,
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

// scoped returns the entry with the longest path that contains the target. Podman writes entries for paths, and people
// write them into configurations for CI.
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

// helper returns the helper for the registry's credentials, and the registry's name in it. program is "" if no helper
// is configured.
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

// File is a source that reads a configuration from a file. It reads the file at every find, so that a login during a
// run counts.
type File struct {
	// Path is the file. A missing file has no credentials.
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

// Inline is a source with a configuration in memory.
type Inline struct {
	Config Config
	// Name names the source for people.
	Name string
	// Helpers runs credential helpers.
	Helpers *Helpers
}

// Find implements Source. An entry for a path comes first, then the registry's helper, then the registry's entry.
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

// Standard returns the sources that keep the logins of this machine: Docker's configuration (in $DOCKER_CONFIG or
// ~/.docker) and Podman's ($REGISTRY_AUTH_FILE, or else auth.json in $XDG_RUNTIME_DIR and $XDG_CONFIG_HOME).
func Standard(helpers *Helpers) Chain {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // Then no file below it is read.
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
		for _, dir := range []string{os.Getenv("XDG_RUNTIME_DIR"), config} {
			paths = append(paths, below(dir, "containers", "auth.json"))
		}
	}
	var chain Chain
	for _, path := range paths {
		if path != "" {
			chain = append(chain, File{Path: path, Helpers: helpers})
		}
	}
	return chain
}
