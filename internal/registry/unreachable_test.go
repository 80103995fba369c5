package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// network is what connections are made through: it counts them by address, and fails those to addresses that are down.
type network struct {
	mu    sync.Mutex
	dials map[string]int
	down  map[string]error
	// slow is how long a connection takes to fail.
	slow time.Duration
	// served makes the connections to addresses that are up.
	served func(ctx context.Context, network, address string) (net.Conn, error)
}

const registryAddress, authAddress, storageAddress = "localhost:80", "localhost:81", "localhost:82"

// Errors of connections: a retry may help after the second, but not after the first.
var (
	errDialRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errDialTimeout = &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
)

// openThrough is openInMemory behind a network. Every host on it is the handler.
func openThrough(t *testing.T, options Options, handler http.HandlerFunc) (*Repository, *network) {
	t.Helper()
	r := openInMemory(t, options, handler)
	base := r.host.client.base
	n := &network{dials: map[string]int{}, down: map[string]error{}, served: base.DialContext}
	base.DialContext = n.dial
	base.DisableKeepAlives = true
	return r, n
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[address]++
	err, slow := n.down[address], n.slow
	n.mu.Unlock()
	if err == nil {
		return n.served(ctx, network, address)
	}
	select {
	case <-time.After(slow):
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// set takes an address down, or up again with nil, and resets the counts.
func (n *network) set(address string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[address] = err
	n.dials = map[string]int{}
}

func (n *network) count(address string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[address]
}

// empty is a registry that has nothing.
func empty(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != pingPath {
		w.WriteHeader(http.StatusNotFound)
	}
}

// unreachable checks that an operation fails for an unreachable host.
func unreachable(t *testing.T, r *Repository, host, reason string) {
	t.Helper()
	_, err := r.HeadManifest(t.Context(), "tag")
	failed, ok := errors.AsType[*UnreachableError](err)
	if !ok || !errors.Is(err, ErrUnreachable) || failed.Host != host || failed.Reason != reason {
		t.Errorf("%v: %+v, want host %s and reason %s", err, failed, host, reason)
	}
}

// The operations after the one that gave up on a host fail without an attempt, until one of them tries again.
func TestUnreachableHostIsAskedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		err      error
		reason   string
		retries  int
		attempts int
	}{
		"refused":    {errDialRefused, "connection refused", 0, 1},
		"timeout":    {errDialTimeout, "i/o timeout", 0, 1 + DefaultMaxRetries},
		"no retries": {errDialTimeout, "i/o timeout", -1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, n := openThrough(t, Options{MaxRetries: test.retries}, empty)
				n.set(registryAddress, test.err)
				check := func(when string, operations, attempts int) {
					t.Helper()
					before := n.count(registryAddress)
					for range operations {
						unreachable(t, r, "localhost", test.reason)
					}
					if got := n.count(registryAddress) - before; got != attempts {
						t.Errorf("%s: %d attempts, want %d", when, got, attempts)
					}
				}
				check("at first", 30, test.attempts)
				time.Sleep(unreachableLife - time.Second)
				check("within the time", 30, 0)
				time.Sleep(2 * time.Second)
				check("after the time", 30, 1)
				time.Sleep(3 * unreachableLife)
				check("long after the time", 30, test.attempts)
				time.Sleep(unreachableLife)
				n.set(registryAddress, nil)
				absent(t, r)
				n.set(registryAddress, test.err)
				check("after a success", 30, test.attempts)
			})
		})
	}
}

// While one operation tries whether the host is back, the others fail at once. If the trial is cancelled, the next
// operation is the trial.
func TestUnreachableHostHasOneTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n := openThrough(t, Options{}, empty)
		n.set(registryAddress, errDialTimeout)
		unreachable(t, r, "localhost", "i/o timeout")
		time.Sleep(unreachableLife)

		n.set(registryAddress, errDialTimeout)
		n.slow = time.Second
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, ctx := range []context.Context{ctx, t.Context()} {
			var done sync.WaitGroup
			done.Go(func() { _ = r.host.pingThrough(ctx) })
			synctest.Wait()
			began := time.Now()
			for range 30 {
				if err := r.host.pingThrough(t.Context()); !errors.Is(err, ErrUnreachable) {
					t.Error(err)
				}
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("the others took %s", took)
			}
			cancel()
			done.Wait()
		}
		if got := n.count(registryAddress); got != 2 {
			t.Errorf("%d attempts, want 2", got)
		}
	})
}

// pingThrough pings without sharing the ping of another operation.
func (h *host) pingThrough(ctx context.Context) error {
	return h.retry(ctx, func(ctx context.Context) error {
		_, err := h.pingOnce(ctx)
		return err
	})
}

// Operations that are under way when one gives up do not use the rest of their retries.
func TestUnreachableHostEndsRetriesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n := openThrough(t, Options{Backoff: 10 * time.Millisecond}, empty)
		n.set(registryAddress, errDialTimeout)
		n.slow = time.Second
		var done sync.WaitGroup
		for i := range 10 {
			done.Go(func() {
				time.Sleep(time.Duration(i) * 700 * time.Millisecond)
				if err := r.host.pingThrough(t.Context()); !errors.Is(err, ErrUnreachable) {
					t.Error(err)
				}
			})
		}
		done.Wait()
		if got := n.count(registryAddress); got > 35 { // 5 + 5 + 4 + 3 + 3 + 2 + 1, and 50 without the outage.
			t.Errorf("%d attempts", got)
		}
	})
}

// A failure that retries survive, and the end of an operation's own context, are not remembered.
func TestPassingFailureIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n := openThrough(t, Options{Backoff: time.Second}, empty)
		n.set(registryAddress, errDialTimeout)
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var done sync.WaitGroup
		done.Go(func() {
			if _, err := r.HeadManifest(short, "tag"); err == nil || errors.Is(err, oci.ErrNotFound) {
				t.Errorf("within two seconds: %v", err)
			}
		})
		done.Go(func() { absent(t, r) })
		time.Sleep(3 * time.Second)
		n.set(registryAddress, nil)
		absent(t, r)
		done.Wait()
	})
}

// An unreachable token service or storage is told by its own name, and does not keep requests from the registry.
func TestUnreachableHostIsNotItsRegistry(t *testing.T) {
	t.Run("token service", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, n := openThrough(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "" && r.URL.Path != "/token" {
					w.Header().Set("Www-Authenticate", `Bearer realm="http://localhost:81/token"`)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_, _ = w.Write([]byte(`{"token":"abcdefgh"}`))
			})
			n.set(authAddress, errDialRefused)
			for range 10 {
				unreachable(t, r, "localhost:81", "connection refused")
			}
			if own, auth := n.count(registryAddress), n.count(authAddress); own != 1 || auth != 1 {
				t.Errorf("%d requests to the registry and %d to its token service", own, auth)
			}
		})
	})
	t.Run("storage", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, n := openThrough(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/v2/app/blobs/" + oci.DigestOf(nil).String():
					http.Redirect(w, r, "http://localhost:82/blob", http.StatusTemporaryRedirect)
				default:
					empty(w, r)
				}
			})
			n.set(storageAddress, errDialTimeout)
			for range 10 {
				_, err := r.GetBlob(t.Context(), oci.DigestOf(nil), 1)
				failed, ok := errors.AsType[*UnreachableError](err)
				if !ok || failed.Host != "localhost:82" {
					t.Errorf("GetBlob: %v", err)
				}
				absent(t, r)
			}
			if got := n.count(storageAddress); got != 1+DefaultMaxRetries {
				t.Errorf("%d requests to the storage", got)
			}
		})
	})
}

// A registry that closes connections before it answers the ping is unreachable too. The failure of another request is
// no outage: it may be due to what the request sends.
func TestBrokenPingIsAnOutage(t *testing.T) {
	for path, want := range map[string]int{
		pingPath: 1 + DefaultMaxRetries, "/v2/app/manifests/tag": 1 + 3*(1+DefaultMaxRetries),
	} {
		synctest.Test(t, func(t *testing.T) {
			r, n := openThrough(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					panic(http.ErrAbortHandler)
				}
				empty(w, r)
			})
			for range 3 {
				if _, err := r.HeadManifest(t.Context(), "tag"); !errors.Is(err, ErrUnreachable) {
					t.Error(err)
				}
			}
			if got := n.count(registryAddress); got != want {
				t.Errorf("%s breaks: %d connections, want %d", path, got, want)
			}
		})
	}
}
