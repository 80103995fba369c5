package serve

import (
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// address is what users write as the source of the provider, with the host of the registry.
const address = "registry.terraform.io/imagemanifesto/manifesto"

// Serve serves a provider until Terraform ends the connection. For a debugger it prints how to attach Terraform
// instead, and leaves logs and collector as they are.
func Serve(provider func() tfprotov6.ProviderServer, debug bool) error {
	if debug {
		return tf6server.Serve(address, provider, tf6server.WithManagedDebug())
	}
	logger := limitLogs()
	tuneCollector()
	return tf6server.Serve(address, provider, tf6server.WithGoPluginLogger(logger))
}
