package credentials

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// dockerHub is Docker Hub's canonical host.
const dockerHub = "docker.io"

// hubKey is under what name docker login keeps the credentials for Docker Hub.
const hubKey = "https://index.docker.io/v1/"

// Config is what docker login and podman login write: credentials by registry, or by a path below one, and
// the helpers that keep others.
type Config struct {
	Auths map[string]Auth `json:"auths"`
	// CredHelpers are the helpers of single registries, CredsStore that of all others. A helper NAME is the
	// program docker-credential-NAME.
	CredHelpers map[string]string `json:"credHelpers"`
	CredsStore  string            `json:"credsStore"`
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
	var c Config
	if json.Unmarshal(text, &c) != nil {
		return Config{}, errNotConfig
	}
	for key, auth := range c.Auths {
		if _, err := auth.credential(""); err != nil {
			return Config{}, fmt.Errorf("auths[%q]: %w", key, err)
		}
	}
	return c, nil
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

// hosts are the names under which a registry may stand in a configuration.
func hosts(target Target) []string {
	if target.Host == dockerHub {
		return []string{hubKey, dockerHub, "index.docker.io", "registry-1.docker.io"}
	}
	return []string{target.Host}
}

// scoped finds an entry for a path below the registry, the longest first: Podman writes such, and so may a
// configuration made for CI.
func (c Config) scoped(target Target) (Auth, bool) {
	for _, host := range hosts(target) {
		for path := target.Path; path != ""; path = parent(path) {
			if auth, ok := c.Auths[host+"/"+path]; ok && auth != (Auth{}) {
				return auth, true
			}
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

// whole finds an entry for the registry as a whole, in the spellings that versions of Docker have used.
func (c Config) whole(target Target) (Auth, bool) {
	names := hosts(target)
	for _, name := range names {
		if auth, ok := c.Auths[name]; ok && auth != (Auth{}) {
			return auth, true
		}
	}
	for key, auth := range c.Auths {
		_, rest, isURL := strings.Cut(key, "://")
		if !isURL || auth == (Auth{}) {
			continue
		}
		host, path, _ := strings.Cut(rest, "/")
		if path = strings.Trim(path, "/"); path != "" && path != "v1" && path != "v2" {
			continue
		}
		for _, name := range names {
			if strings.EqualFold(host, name) {
				return auth, true
			}
		}
	}
	return Auth{}, false
}

// helper returns the helper that keeps the registry's credentials and the name it knows the registry by.
func (c Config) helper(target Target) (program, server string) {
	names := hosts(target)
	for _, name := range names {
		if helper := c.CredHelpers[name]; helper != "" {
			return helper, name
		}
	}
	return c.CredsStore, names[0]
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
	if auth, ok := i.Config.whole(target); ok {
		return i.read(auth)
	}
	return Credential{}, reason
}

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
