// Command terraform-provider-manifesto serves the provider to Terraform and OpenTofu.
package main

import (
	"flag"
	"log"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/provider"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/serve"
)

// version is set by the linker of a release (-X main.version=…), which works for variables only.
var version = "dev"

func main() {
	var debug bool
	flag.BoolVar(&debug, "debug", false, "serve for a debugger such as delve, and print how to attach Terraform")
	flag.Parse()
	if err := serve.Serve(provider.NewServer(version), debug); err != nil {
		log.Fatal(err)
	}
}
