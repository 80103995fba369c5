package provider

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// deadRegistry accepts connections, counts them and closes them without an answer.
func deadRegistry(t *testing.T) (host string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	connections = &atomic.Int64{}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			_ = connection.Close()
		}
	}()
	return listener.Addr().String(), connections
}

// 60 objects of an unreachable registry give one error that explains it and 59 short ones, and only the operations that
// were under way when the first gave up have tried.
func TestCLIUnreachableRegistryIsExplainedOnce(t *testing.T) {
	t.Parallel()
	broken, connections := deadRegistry(t)
	// Terraform runs ten operations at a time. Each ping is sent up to five times, and tried again after ten seconds.
	const atOnce, attempts, trials = 10, 5, 10
	for name, host := range map[string]string{"broken connections": broken, "refused": "localhost:1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			const each = 30
			c.write("main.tf", requirement+fmt.Sprintf(`
				resource "manifesto_metadata" "many" {
					count   = %[1]d
					image   = "%[2]s/app:${count.index}"
					type    = "contact"
					content = "x"
				}
				data "manifesto_image" "many" {
					count = %[1]d
					image = "%[2]s/app:${count.index}"
				}`, each, host))
			output, code := c.run(c.tool, "plan")
			if code == 0 {
				t.Error("the plan succeeds")
			}
			const objects = 2 * each
			short := "Error: Registry unreachable, as another error about " + host + " explains"
			for _, text := range []string{"Error: Registry unreachable\n", "Check that "} {
				if got := strings.Count(output, text); got != 1 {
					t.Errorf("%q is there %d times, want once", text, got)
				}
			}
			// Terraform 1.11 shows them all, later versions one of those that are equal in a block.
			shorts := strings.Count(output, short)
			if shorts < 2 || shorts >= objects || strings.Count(output, "Error: ") != shorts+1 {
				t.Errorf("%q is there %d times; want 2 to %d, and one other error", short, shorts, objects-1)
			}
			if got, most := strings.Count(output, "\n"), 8*objects+20; got > most {
				t.Errorf("%d lines, want at most %d", got, most)
			}
			if got := connections.Load(); host == broken && (got == 0 || got > atOnce*attempts+trials) {
				t.Errorf("%d attempts, want 1 to %d", got, atOnce*attempts+trials)
			}
			if t.Failed() {
				t.Log(output)
			}
		})
	}
}
