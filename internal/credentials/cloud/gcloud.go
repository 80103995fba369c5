package cloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/oauth2"
)

// gcloudTimeout bounds one run of gcloud, which takes seconds to start.
const gcloudTimeout = 15 * time.Second

// errNoGcloud: gcloud is not installed.
var errNoGcloud = errors.New("gcloud is not installed")

// gcloudToken gets a token for the account that is logged in with gcloud. It runs the command of Google's own helpers,
// which prints when the token ends; gcloud auth print-access-token does not.
func gcloudToken(ctx context.Context) (*oauth2.Token, error) {
	path, err := exec.LookPath("gcloud")
	if err != nil {
		return nil, errNoGcloud
	}
	ctx, cancel := context.WithTimeout(ctx, gcloudTimeout)
	defer cancel()
	arguments := []string{"config", "config-helper", "--force-auth-refresh", "--format=json(credential)"}
	command := exec.CommandContext(ctx, path, arguments...) //nolint:gosec // Google's own program.
	var out bytes.Buffer
	command.Stdout = &out
	command.WaitDelay = time.Second // A child of gcloud may hold its output open.
	if err = command.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("gcloud gave no answer within %s", gcloudTimeout)
		}
		return nil, errors.New(because("gcloud gave no token", err) + ": run gcloud auth login")
	}
	var answer struct {
		Credential struct {
			Token  string    `json:"access_token"`
			Expiry time.Time `json:"token_expiry"`
		} `json:"credential"`
	}
	if json.Unmarshal(out.Bytes(), &answer) != nil || answer.Credential.Token == "" {
		return nil, errors.New("gcloud gave no token that can be read: run gcloud auth login")
	}
	return &oauth2.Token{AccessToken: answer.Credential.Token, Expiry: answer.Credential.Expiry}, nil
}
