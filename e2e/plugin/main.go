package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	_ "github.com/notaryproject/notation-core-go/signature/cose" // Registers its envelopes.
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // Registers its envelopes.
	"github.com/notaryproject/notation-plugin-framework-go/cli"
	"github.com/notaryproject/notation-plugin-framework-go/plugin"
)

func main() {
	executable, err := cli.New(signer{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	executable.Execute(context.Background(), os.Args)
}

// name is what the plugin calls itself.
const name = "e2e"

// signer implements plugin.Plugin.
type signer struct{}

// prepare does what the configuration asks for, besides signing.
func prepare(command plugin.Command, config map[string]string) error {
	if file := config["environment_file"]; file != "" {
		variables, err := json.Marshal(os.Environ())
		if err == nil {
			err = os.WriteFile(file, variables, 0o600)
		}
		if err != nil {
			return err
		}
	}
	if config["hang"] == string(command) {
		time.Sleep(time.Hour)
	}
	return nil
}

// GetMetadata implements plugin.GenericPlugin.
func (signer) GetMetadata(
	_ context.Context, request *plugin.GetMetadataRequest,
) (*plugin.GetMetadataResponse, error) {
	capability := plugin.CapabilitySignatureGenerator
	if os.Getenv("E2E_PLUGIN_ENVELOPES") != "" {
		capability = plugin.CapabilityEnvelopeGenerator
	}
	return &plugin.GetMetadataResponse{
		Name: name, Description: "Signs in tests", Version: "1.0.0", URL: "https://example.com",
		SupportedContractVersions: []string{plugin.ContractVersion}, Capabilities: []plugin.Capability{capability},
	}, prepare(request.Command(), request.PluginConfig)
}

// DescribeKey implements plugin.SignPlugin.
func (signer) DescribeKey(
	_ context.Context, request *plugin.DescribeKeyRequest,
) (*plugin.DescribeKeyResponse, error) {
	err := prepare(request.Command(), request.PluginConfig)
	return &plugin.DescribeKeyResponse{KeyID: request.KeyID, KeySpec: plugin.KeySpecEC256}, err
}

// GenerateSignature implements plugin.SignPlugin.
func (signer) GenerateSignature(
	_ context.Context, request *plugin.GenerateSignatureRequest,
) (*plugin.GenerateSignatureResponse, error) {
	if err := prepare(request.Command(), request.PluginConfig); err != nil {
		return nil, err
	}
	key, chain, err := material()
	if err != nil {
		return nil, err
	}
	made, err := sign(key, request.Payload)
	if err != nil {
		return nil, err
	}
	response := &plugin.GenerateSignatureResponse{
		KeyID: request.KeyID, Signature: made, SigningAlgorithm: plugin.SignatureAlgorithmECDSA_SHA256,
	}
	for _, certificate := range chain {
		response.CertificateChain = append(response.CertificateChain, certificate.Raw)
	}
	return response, nil
}

// GenerateEnvelope implements plugin.SignPlugin.
func (signer) GenerateEnvelope(
	_ context.Context, request *plugin.GenerateEnvelopeRequest,
) (*plugin.GenerateEnvelopeResponse, error) {
	if err := prepare(request.Command(), request.PluginConfig); err != nil {
		return nil, err
	}
	key, chain, err := material()
	if err != nil {
		return nil, err
	}
	local, err := signature.NewLocalSigner(chain, key)
	if err != nil {
		return nil, err
	}
	envelope, err := signature.NewEnvelope(request.SignatureEnvelopeType)
	if err != nil {
		return nil, err
	}
	made, err := envelope.Sign(&signature.SignRequest{
		Payload: signature.Payload{ContentType: request.PayloadType, Content: request.Payload},
		Signer:  local, SigningTime: time.Now(), SigningScheme: signature.SigningSchemeX509, SigningAgent: name,
	})
	if err != nil {
		return nil, err
	}
	return &plugin.GenerateEnvelopeResponse{
		SignatureEnvelope: made, SignatureEnvelopeType: request.SignatureEnvelopeType,
	}, nil
}

// VerifySignature implements plugin.VerifyPlugin, which the framework demands of all plugins.
func (signer) VerifySignature(
	context.Context, *plugin.VerifySignatureRequest,
) (*plugin.VerifySignatureResponse, error) {
	return nil, plugin.NewUnsupportedError("verification")
}

var errMaterial = errors.New("E2E_PLUGIN_KEY or E2E_PLUGIN_CHAIN is not what it must be")

// material reads the key and its certificates from the environment.
func material() (*ecdsa.PrivateKey, []*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(os.Getenv("E2E_PLUGIN_KEY")))
	if block == nil {
		return nil, nil, errMaterial
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errMaterial
	}
	var chain []*x509.Certificate
	for rest := []byte(os.Getenv("E2E_PLUGIN_CHAIN")); ; {
		if block, rest = pem.Decode(rest); block == nil {
			return key, chain, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, err
		}
		chain = append(chain, certificate)
	}
}

// half is the length in bytes of each of the two numbers of a signature on P-256.
const half = 32

// sign returns a bare signature, as JWS and COSE want it: two numbers one after the other.
func sign(key *ecdsa.PrivateKey, payload []byte) ([]byte, error) {
	digest := sha256.Sum256(payload)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	made := make([]byte, 2*half)
	r.FillBytes(made[:half])
	s.FillBytes(made[half:])
	return made, nil
}
