package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/net/dns/dnsmessage"
)

// nameServer returns a resolver that answers every question for an address of its kind with one address, in memory.
func nameServer(t *testing.T, address netip.Addr, asked *atomic.Int64) *net.Resolver {
	t.Helper()
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // No net.PacketConn, so that the messages are those of TCP.
		go func() {
			defer server.Close() //nolint:errcheck // The client has its answer.
			for {
				var size uint16
				if binary.Read(server, binary.BigEndian, &size) != nil {
					return
				}
				question := make([]byte, size)
				if _, err := io.ReadFull(server, question); err != nil {
					return
				}
				answer := answerTo(t, question, address)
				asked.Add(1)
				_, _ = server.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		}()
		return client, nil
	}}
}

// answerTo returns the answer to a question for a name.
func answerTo(t *testing.T, question []byte, address netip.Addr) []byte {
	t.Helper()
	var message dnsmessage.Message
	if err := message.Unpack(question); err != nil || len(message.Questions) != 1 {
		t.Errorf("the question: %v", err)
		return nil
	}
	message.Response, message.Additionals = true, nil
	q := message.Questions[0]
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
	switch {
	case q.Type == dnsmessage.TypeA && address.Is4():
		message.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AResource{A: address.As4()}}}
	case q.Type == dnsmessage.TypeAAAA && !address.Is4():
		message.Answers = []dnsmessage.Resource{{Header: header, Body: &dnsmessage.AAAAResource{AAAA: address.As16()}}}
	}
	packed, err := message.Pack()
	if err != nil {
		t.Error(err)
	}
	return packed
}

// A name that leads to a link-local address is refused when the connection is made, whoever asks for it: a redirect, an
// upload or a token service that the user allows.
func TestLinkLocalNames(t *testing.T) {
	const elsewhere = "http://metadata.example.com:1/latest" // Nothing listens there, should a request be sent.
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+elsewhere+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodPost:
			w.Header().Set("Location", elsewhere)
			w.WriteHeader(http.StatusAccepted)
		case r.URL.Path != "/v2/":
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		}
		return true
	})
	host := strings.TrimPrefix(server.URL, "http://")
	calls := map[string]func(*Repository) error{
		"a redirect": func(r *Repository) error {
			_, err := r.GetBlob(t.Context(), oci.DigestOf(nil), 100)
			return err
		},
		"an upload": func(r *Repository) error {
			_, err := r.PutBlob(t.Context(), make([]byte, 2*maxTrial))
			return err
		},
		"a token service": func(r *Repository) error {
			_, err := r.HeadManifest(t.Context(), "tag")
			return err
		},
	}
	for _, address := range []string{"169.254.1.2", "fe80::1", "::ffff:169.254.1.2"} {
		for name, call := range calls {
			var asked atomic.Int64
			r := openHost(t, host, Options{MaxRetries: -1, Registries: map[string]HostConfig{
				host: {AuthHosts: []string{"metadata.example.com"}},
			}})
			base := newBaseTransport()
			base.DialContext = dialer{nameServer(t, netip.MustParseAddr(address), &asked)}.dial
			through(r, base)
			if err := call(r); !errors.Is(err, ErrRedirect) || !strings.Contains(err.Error(), "link-local") {
				t.Errorf("%s to a name with the address %s: %v", name, address, err)
			}
			if asked.Load() == 0 {
				t.Errorf("%s: the name was not looked up", name)
			}
			base.CloseIdleConnections()
		}
	}
}
