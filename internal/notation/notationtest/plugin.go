package notationtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	_ "crypto/sha256" // The plugin hashes with it.
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-plugin-framework-go/plugin"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
)

// PluginMode is what a plugin does.
type PluginMode string

// Modes of a plugin.
const (
	// PluginSigns makes bare signatures, as plugins for key management services do.
	PluginSigns PluginMode = "signs"
	// PluginMakesEnvelopes makes whole envelopes, as the one of AWS Signer does.
	PluginMakesEnvelopes PluginMode = "envelopes"
	// PluginHangs never answers.
	PluginHangs PluginMode = "hangs"
	// PluginLeavesChild never answers, and neither does a child of it that has its output.
	PluginLeavesChild PluginMode = "leaves child"
	// PluginFloods answers without end.
	PluginFloods PluginMode = "floods"
	// PluginBabbles answers with what is no JSON.
	PluginBabbles PluginMode = "babbles"
	// PluginShowsEnvironment fails, with its environment as the message.
	PluginShowsEnvironment PluginMode = "environment"
)

// PluginName is what the plugin calls itself.
const PluginName = "notationtest"

// PluginKeyID is the identifier of the plugin's key.
const PluginKeyID = "the key"

// Environment variables that turn a test binary into a plugin.
const (
	variableMode  = "NOTATIONTEST_PLUGIN"
	variableKey   = "NOTATIONTEST_KEY"
	variableChain = "NOTATIONTEST_CHAIN"
	variableLog   = "NOTATIONTEST_LOG"
)

// Plugin returns the options of a plugin that signs with an identity, whose key is on P-256. The plugin is the test
// binary itself: its TestMain calls MainIfPlugin first. The log is a file to which the plugin appends a line for each
// call; it may be empty.
func Plugin(tb testing.TB, mode PluginMode, identity Identity, log string) *notation.PluginOptions {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return &notation.PluginOptions{
		Path: path, KeyID: PluginKeyID,
		Environment: map[string]string{
			variableMode: string(mode), variableKey: string(identity.KeyPEM(tb)), variableChain: string(identity.ChainPEM()),
			variableLog: log,
		},
	}
}

// MainIfPlugin is the plugin, if the process was started as one. Then it does not return.
func MainIfPlugin() {
	mode := PluginMode(os.Getenv(variableMode))
	if mode == "" {
		return
	}
	if err := serve(mode, plugin.Command(os.Args[len(os.Args)-1])); err != nil {
		failure, _ := json.Marshal(plugin.NewGenericError(err.Error())) //nolint:errchkjson // It has texts alone.
		fmt.Fprintln(os.Stderr, string(failure))
		os.Exit(1)
	}
	os.Exit(0)
}

// serve answers one request.
func serve(mode PluginMode, command plugin.Command) error {
	if err := appendLog(string(command)); err != nil {
		return err
	}
	switch mode {
	case PluginHangs:
		time.Sleep(time.Hour)
	case PluginLeavesChild:
		child := exec.CommandContext(context.Background(), "sleep", "20")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		return errors.Join(child.Start(), child.Wait())
	case PluginFloods:
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	case PluginBabbles:
		_, err := fmt.Println("hello \x1b[31mworld")
		return err
	case PluginShowsEnvironment:
		var names []string
		for _, variable := range os.Environ() {
			name, _, _ := strings.Cut(variable, "=")
			names = append(names, name)
		}
		return errors.New(strings.Join(names, " "))
	case PluginSigns, PluginMakesEnvelopes:
	}
	answer, err := answerTo(mode, command)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

func appendLog(line string) error {
	path := os.Getenv(variableLog)
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // The test names it.
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, line)
	return errors.Join(err, file.Close())
}

// answerTo returns the response to a request.
func answerTo(mode PluginMode, command plugin.Command) (any, error) {
	identity, err := identityFromEnvironment()
	if err != nil {
		return nil, err
	}
	switch command {
	case plugin.CommandGetMetadata:
		capability := plugin.CapabilitySignatureGenerator
		if mode == PluginMakesEnvelopes {
			capability = plugin.CapabilityEnvelopeGenerator
		}
		return plugin.GetMetadataResponse{
			Name: PluginName, Description: "signs in tests", Version: "1.0.0", URL: "https://example.org",
			SupportedContractVersions: []string{plugin.ContractVersion}, Capabilities: []plugin.Capability{capability},
		}, nil
	case plugin.CommandDescribeKey:
		return plugin.DescribeKeyResponse{KeyID: PluginKeyID, KeySpec: plugin.KeySpecEC256}, nil
	case plugin.CommandGenerateSignature:
		return identity.generateSignature()
	case plugin.CommandGenerateEnvelope:
		return identity.generateEnvelope()
	default:
		return nil, fmt.Errorf("unknown command %q", command)
	}
}

func (i Identity) generateSignature() (any, error) {
	var request plugin.GenerateSignatureRequest
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return nil, err
	}
	made, _, err := rawSigner{i}.Sign(request.Payload)
	if err != nil {
		return nil, err
	}
	answer := plugin.GenerateSignatureResponse{
		KeyID: request.KeyID, Signature: made, SigningAlgorithm: plugin.SignatureAlgorithmECDSA_SHA256,
	}
	for _, certificate := range i.Chain {
		answer.CertificateChain = append(answer.CertificateChain, certificate.Raw)
	}
	return answer, nil
}

func (i Identity) generateEnvelope() (any, error) {
	var request plugin.GenerateEnvelopeRequest
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return nil, err
	}
	envelope, err := signature.NewEnvelope(request.SignatureEnvelopeType)
	if err != nil {
		return nil, err
	}
	made, err := envelope.Sign(&signature.SignRequest{
		Payload: signature.Payload{ContentType: request.PayloadType, Content: request.Payload},
		Signer:  rawSigner{i}, SigningTime: time.Now(), SigningScheme: signature.SigningSchemeX509,
		Expiry: expiryIn(request.ExpiryDurationInSeconds),
	})
	return plugin.GenerateEnvelopeResponse{
		SignatureEnvelope: made, SignatureEnvelopeType: request.SignatureEnvelopeType,
	}, err
}

func expiryIn(seconds uint64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(seconds) * time.Second) //nolint:gosec // Tests ask for hours.
}

// rawSigner implements signature.Signer with an identity on P-256.
type rawSigner struct{ Identity }

// Sign implements signature.Signer.
func (r rawSigner) Sign(payload []byte) ([]byte, []*x509.Certificate, error) {
	key, ok := r.Key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the key is not on P-256")
	}
	hash := crypto.SHA256.New()
	hash.Write(payload)
	first, second, err := ecdsa.Sign(rand.Reader, key, hash.Sum(nil))
	if err != nil {
		return nil, nil, err
	}
	made := make([]byte, 64)
	first.FillBytes(made[:32])
	second.FillBytes(made[32:])
	return made, r.Chain, nil
}

// KeySpec implements signature.Signer.
func (r rawSigner) KeySpec() (signature.KeySpec, error) { return signature.ExtractKeySpec(r.Chain[0]) }

// identityFromEnvironment is what Plugin has put there.
func identityFromEnvironment() (Identity, error) {
	block, _ := pem.Decode([]byte(os.Getenv(variableKey)))
	if block == nil {
		return Identity{}, errors.New("no key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return Identity{}, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return Identity{}, errors.New("the key does not sign")
	}
	identity := Identity{Key: key}
	for block, rest := pem.Decode([]byte(os.Getenv(variableChain))); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return Identity{}, err
		}
		identity.Chain = append(identity.Chain, certificate)
	}
	return identity, nil
}
