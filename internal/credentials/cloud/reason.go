package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"os/exec"
	"strings"
)

// cause returns the error below a cloud's error, if its type is known to hold no secret, and "" otherwise.
func cause(err error) string {
	var (
		dns     *net.DNSError
		network *net.OpError
		trust   *tls.CertificateVerificationError
		file    *fs.PathError
		program *exec.Error
		exit    *exec.ExitError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &network):
		return network.Error()
	case errors.As(err, &trust):
		return trust.Error()
	case errors.As(err, &file):
		return file.Error()
	case errors.As(err, &program):
		return program.Error()
	case errors.As(err, &exit):
		return exit.Error()
	}
	return ""
}

// because appends the cause of an error in parentheses, if it has one.
func because(what string, err error) string {
	if why := cause(err); why != "" {
		return what + " (" + why + ")"
	}
	return what
}

// code returns an error code of a service, or "an error" if the text does not look like a code: a service could send
// any text there.
func code(s string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
	if s == "" || len(s) > 64 || strings.Trim(s, letters) != "" {
		return "an error"
	}
	return s
}
