// Command terraform-provider-manifesto serves the provider to Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/provider"
)

// version is set by the linker of a release (-X main.version=…), which works for variables only.
var version = "dev"

func main() {
	var debug bool
	flag.BoolVar(&debug, "debug", false, "serve for a debugger such as delve, and print how to attach Terraform")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/imagemanifesto/manifesto",
		Debug:   debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
