package cloud

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// ECR returns the source for Amazon's registries, private and public. It gets their tokens with the AWS credentials
// that the AWS command line would use.
func ECR() credentials.Source { return newECR(options{}) }

func newECR(o options) credentials.Source {
	return newSource("Amazon ECR", o, parseECR, amazon{o.transport}.search)
}

type amazon struct{ transport http.RoundTripper }

// errNoAWS: there are no AWS credentials.
var errNoAWS = errors.New("no AWS credentials here: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, " +
	"or run where there is an AWS role")

// search gets a token of a registry's region.
func (a amazon) search(ctx context.Context, r ecrRegistry) (credentials.Credential, error) {
	cfg, err := config.LoadDefaultConfig(ctx, a.load(r)...)
	if err != nil {
		return credentials.Credential{}, loginReason(err)
	}
	login, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return credentials.Credential{}, loginReason(err)
	}
	token, expires, err := authorize(ctx, cfg, r)
	if err != nil {
		return credentials.Credential{}, tokenReason(err, login)
	}
	text, _ := base64.StdEncoding.DecodeString(token)
	user, password, ok := strings.Cut(string(text), ":")
	if !ok {
		return credentials.Credential{}, errors.New("AWS sent no token that can be read")
	}
	return credentials.Credential{
		Username: user, Password: password, Expires: expires, Origin: "Amazon ECR (AWS credentials of this environment)",
	}, nil
}

func (a amazon) load(r ecrRegistry) []func(*config.LoadOptions) error {
	load := []func(*config.LoadOptions) error{
		config.WithRegion(r.region),
		config.WithLogger(logging.Nop{}), // The default logger writes to standard error.
	}
	if r.fips {
		load = append(load, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
	}
	if r.dualStack {
		load = append(load, config.WithUseDualStackEndpoint(aws.DualStackEndpointStateEnabled))
	}
	if a.transport != nil {
		load = append(load, config.WithHTTPClient(&http.Client{Transport: a.transport}))
	}
	return load
}

// authorize gets the token of a registry. The token is "" if AWS answers with none.
func authorize(ctx context.Context, cfg aws.Config, r ecrRegistry) (token string, expires time.Time, err error) {
	if r.public {
		return authorizePublic(ctx, cfg)
	}
	out, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil || len(out.AuthorizationData) == 0 {
		return "", time.Time{}, err
	}
	data := out.AuthorizationData[0]
	return aws.ToString(data.AuthorizationToken), aws.ToTime(data.ExpiresAt), nil
}

// authorizePublic gets the token of the public registry.
func authorizePublic(ctx context.Context, cfg aws.Config) (token string, expires time.Time, err error) {
	out, err := ecrpublic.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecrpublic.GetAuthorizationTokenInput{})
	if err != nil || out.AuthorizationData == nil {
		return "", time.Time{}, err
	}
	data := out.AuthorizationData
	return aws.ToString(data.AuthorizationToken), aws.ToTime(data.ExpiresAt), nil
}

// loginReason turns the error of a search for AWS credentials into one for people.
func loginReason(err error) error {
	var (
		profile   config.SharedConfigProfileNotExistError
		session   *ssocreds.InvalidTokenError
		operation *smithy.OperationError
		api       smithy.APIError
	)
	asked := errors.As(err, &operation)
	switch {
	case asked && operation.Service() == imds.ServiceID:
		return errNoAWS // The library asks the instance last, so nothing else had credentials.
	case errors.As(err, &profile):
		return fmt.Errorf("the AWS configuration has no profile %q: set AWS_PROFILE to one that it has", profile.Profile)
	case errors.As(err, &session):
		return errors.New("the AWS session has ended: run aws sso login")
	case asked && errors.As(err, &api):
		return fmt.Errorf("AWS refused to log in: %s %s answered %s: check the role and who may assume it",
			operation.Service(), operation.Operation(), code(api.ErrorCode()))
	}
	return errors.New(because("the AWS credentials cannot be had", err) +
		": try aws sts get-caller-identity with the same environment")
}

// tokenReason turns the error of a request for a registry's token into one for people.
func tokenReason(err error, login aws.Credentials) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return errors.New(because("AWS gave no token for the registry", err) +
			": check the network, the proxy and the region")
	}
	kind := code(api.ErrorCode())
	switch kind {
	case "AccessDeniedException", "AccessDenied":
		return fmt.Errorf("AWS refused a token for the registry with %s%s: allow ecr:GetAuthorizationToken, "+
			"for the public registry ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken",
			kind, denial(api.ErrorMessage(), login))
	case "ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId",
		"InvalidSignatureException":
		return fmt.Errorf("AWS does not accept the credentials: %s: log in to AWS again, and check the clock", kind)
	}
	return fmt.Errorf("AWS gave no token for the registry: %s", kind)
}

// denial returns the message of a denied call, which names the principal and the policy. It returns "" if the message
// is long or holds a secret: other messages of AWS can quote the signed request, and with it the session's token.
func denial(message string, login aws.Credentials) string {
	for _, secret := range []string{login.SecretAccessKey, login.SessionToken} {
		if secret != "" && strings.Contains(message, secret) {
			return ""
		}
	}
	if message == "" || len(message) > 500 {
		return ""
	}
	return fmt.Sprintf(" (%q)", message)
}
