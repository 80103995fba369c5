package registry

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// resetting is an HTTP/2 server that reads a whole PUT and then resets its stream instead of answering, so that the
// outcome is unknown.
type resetting struct {
	code http2.ErrCode
	puts atomic.Int64
	// goAway says that the server ends each connection at once instead.
	goAway      bool
	connections atomic.Int64
}

func (s *resetting) start(t *testing.T) (host string) {
	t.Helper()
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	config := &tls.Config{
		Certificates: certificates.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
	}
	certificates.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // The test needs no result of it.
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(connection)
		}
	}()
	return listener.Addr().String()
}

// A server that ends each connection before it answers does not get connections without end.
func TestConnectionsAreLimited(t *testing.T) {
	server := &resetting{goAway: true}
	host := server.start(t)
	r := openHost(t, host, Options{MaxRetries: -1, RequestTimeout: 5 * time.Second, Registries: map[string]HostConfig{
		host: {Scheme: "https", TLS: TLSConfig{InsecureSkipVerify: true}},
	}})
	_, err := r.GetManifest(t.Context(), "tag")
	if n := server.connections.Load(); !errors.Is(err, ErrUnreachable) || n > maxDials {
		t.Errorf("%v after %d connections", err, n)
	}
}

func (s *resetting) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }() // The test needs no result of it.
	if _, err := io.ReadFull(connection, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(connection, connection)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if framer.WriteSettings() != nil {
		return
	}
	s.connections.Add(1)
	if s.goAway {
		_ = framer.WriteGoAway(0, http2.ErrCodeNo, []byte("\x1b[2Jdebug")) // The client may be gone.
		return
	}
	isPut := map[uint32]bool{}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		ended := false
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.MetaHeadersFrame:
			isPut[frame.StreamID] = frame.PseudoValue("method") == http.MethodPut
			ended = frame.StreamEnded()
		case *http2.DataFrame:
			ended = frame.StreamEnded()
		}
		if ended {
			err = s.answer(framer, frame.Header().StreamID, isPut)
		}
		if err != nil {
			return
		}
	}
}

func (s *resetting) answer(framer *http2.Framer, stream uint32, isPut map[uint32]bool) error {
	if isPut[stream] {
		s.puts.Add(1)
		return framer.WriteRSTStream(stream, s.code)
	}
	var block bytes.Buffer
	if err := hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"}); err != nil {
		return err
	}
	return framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true,
	})
}

// net/http sends a request again by itself after some resets of HTTP/2. A manifest must be sent once all the same.
func TestManifestPutsAreNotResentByHTTP2(t *testing.T) {
	for _, code := range []http2.ErrCode{
		http2.ErrCodeProtocol, http2.ErrCodeRefusedStream, http2.ErrCodeInternal, http2.ErrCodeCancel,
	} {
		server := &resetting{code: code}
		host := server.start(t)
		r := openHost(t, host, Options{Registries: map[string]HostConfig{
			host: {Scheme: "https", TLS: TLSConfig{InsecureSkipVerify: true}},
		}})
		err := putEmpty(r)
		if !errors.Is(err, oci.ErrAmbiguous) || server.puts.Load() != 1 {
			t.Errorf("%s: %v after %d PUTs", code, err, server.puts.Load())
		}
	}
}
