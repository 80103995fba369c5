package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
)

func main() {
	if err := serve(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: registry KIND")

// serve runs a registry until the input ends.
func serve(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errUsage
	}
	kind, err := servers.Find(args[0])
	if err != nil {
		return err
	}
	server, err := kind.Start(servers.Options{})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, server.URL())
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	return errors.Join(err, server.Close())
}
