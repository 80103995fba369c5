package notation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/notaryproject/notation-go"
	nsigner "github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// withPlugin makes the signer sign with a plugin.
func (s *signer) withPlugin(ctx context.Context, o SignerOptions) error {
	path, option, err := o.Plugin.find()
	if err != nil {
		return &OptionError{Option: option, Err: err}
	}
	if o.Plugin.KeyID == "" {
		return optionErrorf(optionPluginKey, "it is missing: set the identifier of the key in the words of the plugin")
	}
	if err = o.Plugin.checkEnvironment(); err != nil {
		return &OptionError{Option: optionPluginVariables, Err: err}
	}
	p, err := newSignPlugin(ctx, newRunner(path, *o.Plugin, s.logger), *o.Plugin)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask the plugin: %w", context.Cause(ctx))
	case err != nil:
		return &OptionError{Option: option, Err: err}
	case !p.signs() && o.TimestampURL != "":
		return optionErrorf(optionTimestampURL, "the plugin %s makes whole envelopes, which cannot be timestamped "+
			"afterwards: leave it out", oci.Printable(p.metadata.Name))
	}
	// notation-go's signer keeps annotations of the last signature without a lock, so that each signature has its own.
	s.source = func() (notation.Signer, error) {
		return nsigner.NewPluginSigner(p, o.Plugin.KeyID, o.Plugin.Config)
	}
	return nil
}

var pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// find returns the absolute path of the plugin, and the name of the option that says it.
func (o PluginOptions) find() (path, option string, err error) {
	switch {
	case o.Name != "" && o.Path != "":
		return "", optionPluginPath, errors.New("plugin.name is set as well: leave out one of them")
	case o.Path != "":
		path, option = o.Path, optionPluginPath
	case o.Name == "":
		return "", optionPluginName, errors.New("it is missing: set plugin.name or plugin.path")
	case !pluginName.MatchString(o.Name):
		return "", optionPluginName, fmt.Errorf("%q is not the name of a plugin: it has letters, digits, -, _ and dots",
			oci.Printable(o.Name))
	default:
		option = optionPluginName
		if path, err = pluginPath(o.Name); err != nil {
			return "", option, err
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", option, err
	}
	switch info, err := os.Stat(path); {
	case err != nil:
		return "", option, fmt.Errorf("there is no plugin: %w", err)
	case !info.Mode().IsRegular():
		return "", option, fmt.Errorf("%s is not a file", path)
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return "", option, fmt.Errorf("%s is not executable: run chmod +x on it", path)
	}
	return path, option, nil
}

// pluginPath returns where notation has a plugin. notation-go knows it as well, but keeps it in a variable without a
// lock, and does not ask the environment variables that the notation command asks.
func pluginPath(name string) (string, error) {
	file := "notation-" + name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	for _, variable := range []string{"NOTATION_LIBEXEC", "NOTATION_CONFIG"} {
		if directory := os.Getenv(variable); directory != "" {
			return filepath.Join(directory, "plugins", name, file), nil
		}
	}
	directory, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("notation's directory of plugins is unknown: set plugin.path instead: %w", err)
	}
	return filepath.Join(directory, "notation", "plugins", name, file), nil
}

// signPlugin implements plugin.SignPlugin. What the plugin says of itself and of the key is asked once.
type signPlugin struct {
	runner
	metadata plugin.GetMetadataResponse
	key      plugin.DescribeKeyResponse
}

// newSignPlugin asks the plugin what it is, and what key it has.
func newSignPlugin(ctx context.Context, r runner, o PluginOptions) (*signPlugin, error) {
	p := &signPlugin{runner: r}
	if err := p.run(ctx, &plugin.GetMetadataRequest{PluginConfig: o.Config}, &p.metadata); err != nil {
		return nil, err
	}
	r.logger.DebugContext(ctx, "found a plugin", slog.String("name", p.metadata.Name),
		slog.String("version", p.metadata.Version))
	name := oci.Printable(p.metadata.Name)
	switch {
	case o.Name != "" && p.metadata.Name != o.Name:
		return nil, fmt.Errorf("the plugin calls itself %q, not %q: it may be installed in the wrong place", name, o.Name)
	case !slices.Contains(p.metadata.SupportedContractVersions, plugin.ContractVersion):
		return nil, fmt.Errorf("the plugin %s does not speak version %s of the contract for plugins", name,
			plugin.ContractVersion)
	case !p.signs() && !p.metadata.HasCapability(plugin.CapabilityEnvelopeGenerator):
		return nil, fmt.Errorf("the plugin %s does not sign", name)
	case !p.signs():
		return p, nil
	}
	describe := &plugin.DescribeKeyRequest{
		ContractVersion: plugin.ContractVersion, KeyID: o.KeyID, PluginConfig: o.Config,
	}
	return p, p.run(ctx, describe, &p.key)
}

// signs reports whether the plugin makes bare signatures, in the place of whole envelopes.
func (p *signPlugin) signs() bool {
	return p.metadata.HasCapability(plugin.CapabilitySignatureGenerator)
}

// GetMetadata implements plugin.SignPlugin.
func (p *signPlugin) GetMetadata(
	context.Context, *plugin.GetMetadataRequest,
) (*plugin.GetMetadataResponse, error) {
	metadata := p.metadata
	return &metadata, nil
}

// DescribeKey implements plugin.SignPlugin.
func (p *signPlugin) DescribeKey(
	context.Context, *plugin.DescribeKeyRequest,
) (*plugin.DescribeKeyResponse, error) {
	key := p.key
	return &key, nil
}

// GenerateSignature implements plugin.SignPlugin.
func (p *signPlugin) GenerateSignature(
	ctx context.Context, request *plugin.GenerateSignatureRequest,
) (*plugin.GenerateSignatureResponse, error) {
	var made plugin.GenerateSignatureResponse
	if err := p.run(ctx, request, &made); err != nil {
		return nil, err
	}
	chain, err := parseChain(made.CertificateChain)
	if err == nil {
		err = checkChain(chain, time.Now())
	}
	if err != nil {
		return nil, fmt.Errorf("the certificates of the plugin: %w", err)
	}
	return &made, nil
}

// GenerateEnvelope implements plugin.SignPlugin.
func (p *signPlugin) GenerateEnvelope(
	ctx context.Context, request *plugin.GenerateEnvelopeRequest,
) (*plugin.GenerateEnvelopeResponse, error) {
	var made plugin.GenerateEnvelopeResponse
	if err := p.run(ctx, request, &made); err != nil {
		return nil, err
	}
	return &made, nil
}

// environment returns the environment of the plugin: what finds programs, the home directory and a place for temporary
// files, and what the options have. Terraform's own has variables of the configuration (TF_VAR_...) and credentials of
// other providers, which are none of the plugin's business.
func (o PluginOptions) environment() []string {
	environment := []string{}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TMP", "TEMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"} {
		if value, ok := os.LookupEnv(name); ok {
			environment = append(environment, name+"="+value)
		}
	}
	for name, value := range o.Environment { // The last of two values counts.
		environment = append(environment, name+"="+value)
	}
	return environment
}

// checkEnvironment checks what a process cannot be given.
func (o PluginOptions) checkEnvironment() error {
	for name, value := range o.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return fmt.Errorf("%q cannot be an environment variable", oci.Printable(name))
		}
	}
	return nil
}
