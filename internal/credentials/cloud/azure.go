package cloud

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// Azure returns the source for Azure's registries. It logs in to Microsoft Entra ID as the Azure SDKs do, with the
// environment, the identity of a workload or machine, or the login of a command line, and exchanges that login for the
// registry's own token.
func Azure() credentials.Source { return newAzure(options{}) }

func newAzure(o options) credentials.Source {
	a := &microsoft{client: &http.Client{
		Transport: o.transport,
		// A redirect could send the login's token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	a.logins.ErrorLife = errorLife
	return newSource("Azure Container Registry", o, parseAzure, a.search)
}

// azureRegistry is one registry of Azure.
type azureRegistry struct{ host, domain string }

// azureClouds are Azure's clouds by the domain of their registries.
var azureClouds = map[string]azcloud.Configuration{
	"azurecr.io": azcloud.AzurePublic,
	"azurecr.cn": azcloud.AzureChina,
	"azurecr.us": azcloud.AzureGovernment,
}

func parseAzure(host string) (azureRegistry, bool) {
	for domain := range azureClouds {
		if name, ok := below(host, domain); ok && isLabel(name) {
			return azureRegistry{host, domain}, true
		}
	}
	return azureRegistry{}, false
}

// azureAudience limits the login's token to Azure's registries.
const azureAudience = "https://containerregistry.azure.net/.default"

// azureTokenUser is the user name that Azure's registries expect with a token.
const azureTokenUser = "00000000-0000-0000-0000-000000000000"

type microsoft struct {
	client *http.Client
	// logins keeps the tokens of Entra ID, as passwords, by the domain of the cloud's registries.
	logins credentials.Cache[string]
}

// search logs in to a registry.
func (m *microsoft) search(ctx context.Context, r azureRegistry) (credentials.Credential, error) {
	login, err := m.logins.Find(ctx, r.domain, func(ctx context.Context) (credentials.Credential, error) {
		ctx, cancel := context.WithTimeout(ctx, searchTimeout)
		defer cancel()
		return m.login(ctx, r.domain)
	})
	if err != nil {
		return credentials.Credential{}, err
	}
	exchange, err := azcontainerregistry.NewAuthenticationClient("https://"+r.host,
		&azcontainerregistry.AuthenticationClientOptions{ClientOptions: azcore.ClientOptions{Transport: m.client}})
	if err != nil {
		return credentials.Credential{}, errors.New("the registry's token service cannot be asked")
	}
	answer, err := exchange.ExchangeAADAccessTokenForACRRefreshToken(ctx,
		azcontainerregistry.PostContentSchemaGrantTypeAccessToken, r.host,
		&azcontainerregistry.AuthenticationClientExchangeAADAccessTokenForACRRefreshTokenOptions{
			AccessToken: &login.Password,
		})
	if err != nil {
		return credentials.Credential{}, exchangeReason(err, r.host)
	}
	if answer.RefreshToken == nil || *answer.RefreshToken == "" {
		return credentials.Credential{}, fmt.Errorf("%s sent no token", r.host)
	}
	return credentials.Credential{
		Username: azureTokenUser, IdentityToken: *answer.RefreshToken, Expires: jwtExpiry(*answer.RefreshToken),
		Origin: "Azure Container Registry (Azure login of this environment)",
	}, nil
}

// login logs in to Entra ID.
func (m *microsoft) login(ctx context.Context, domain string) (credentials.Credential, error) {
	o := &azidentity.DefaultAzureCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: m.client}}
	if os.Getenv("AZURE_AUTHORITY_HOST") == "" { // The option would override the variable.
		o.Cloud = azureClouds[domain]
	}
	chain, err := azidentity.NewDefaultAzureCredential(o)
	if err != nil {
		return credentials.Credential{}, errors.New("the Azure login is set up wrongly: " +
			"check AZURE_TOKEN_CREDENTIALS and the other AZURE_ variables")
	}
	token, err := chain.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{azureAudience}})
	if err != nil {
		return credentials.Credential{}, entraReason(err)
	}
	return credentials.Credential{Password: token.Token, Expires: token.ExpiresOn}, nil
}

// entraCode matches the number of an error of Entra ID. The error's text may quote the request.
var entraCode = regexp.MustCompile(`AADSTS[0-9]{1,10}`)

// entraReason turns an error of a login to Entra ID into one for people.
func entraReason(err error) error {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) {
		return errors.New("no Azure login here: set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, " +
			"or run az login, or where there is a managed or workload identity")
	}
	const remedy = ": check the AZURE_ variables, or choose a login with AZURE_TOKEN_CREDENTIALS"
	if failed.RawResponse == nil {
		return errors.New(because("the Azure login failed", err) + remedy)
	}
	answer := fmt.Sprintf("status %d", failed.RawResponse.StatusCode)
	if body, err := runtime.Payload(failed.RawResponse); err == nil {
		if number := entraCode.Find(body); number != nil {
			answer += ", " + string(number)
		}
	}
	return fmt.Errorf("the Azure login was refused (%s)%s", answer, remedy)
}

// exchangeReason turns the error of a registry that does not accept a login to Entra ID into one for people.
func exchangeReason(err error, host string) error {
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) {
		return errors.New(because(host+" cannot be logged in to", err) +
			": check the registry's name, the network and the proxy")
	}
	if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
		return fmt.Errorf("%s does not accept the Azure login (status %d): "+
			"give it the role AcrPull, and AcrPush to store metadata", host, answer.StatusCode)
	}
	return fmt.Errorf("%s refused the Azure login with status %d", host, answer.StatusCode)
}

// jwtExpiry returns when a JSON Web Token ends; zero if the token does not say.
func jwtExpiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Exp int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}
	}
	return time.Unix(claims.Exp, 0)
}
