package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// workplace is a directory in which one subject is measured, on a registry of its own.
type workplace struct {
	tool, dir, program string
	env                []string
	server             *registrytest.Server
	image              string
}

// open starts a registry with an image and prepares a directory. The caller must close the server.
func open(ctx context.Context, dir, tool string, s subject, kind registrytest.Kind) (*workplace, error) {
	server, err := registrytest.Start(registrytest.Options{Kind: kind})
	if err != nil {
		return nil, err
	}
	w := &workplace{tool: tool, server: server, program: filepath.Join(dir, s.name, "terraform-provider-manifesto")}
	digest, err := registrytest.PushImage(ctx, w.remote(), "1", "image")
	if err == nil {
		w.image = server.Host() + "/app@" + digest.String()
		w.dir, err = os.MkdirTemp(dir, "work")
	}
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	if s.latency > 0 {
		server.Intercept(func(http.ResponseWriter, *http.Request, http.Handler) bool {
			time.Sleep(s.latency)
			return false
		})
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "REGISTRY_") {
			w.env = append(w.env, variable)
		}
	}
	w.env = append(w.env, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "DOCKER_CONFIG="+w.dir)
	if s.name != "data" {
		w.env = append(w.env, "TF_CLI_CONFIG_FILE="+filepath.Join(dir, s.name+".tfrc"))
	}
	if s.name == "noop" {
		w.env = append(w.env, "MANIFESTO_SERVE_NOOP=1")
	}
	return w, nil
}

// remote returns access to the repository by a client of its own.
func (w *workplace) remote() *registry.Repository {
	name, err := oci.ParseRepository(w.server.Host()+"/app", "")
	if err != nil {
		panic(err) // It is a constant and a port.
	}
	return registry.NewClient(registry.Options{}).Open(name)
}

// configure writes a configuration with a number of resources.
func (w *workplace) configure(s subject, size int, content string) error {
	text := fmt.Sprintf("resource \"terraform_data\" \"all\" {\n"+
		"  count = %d\n  input = \"%s ${count.index}\"\n}\n", size, content)
	if s.name != "data" {
		text = fmt.Sprintf(`terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
resource "manifesto_metadata" "all" {
  count   = %d
  image   = %q
  type    = "type ${count.index}"
  content = "%s ${count.index}"
}
`, size, w.image, content)
	}
	return os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(text), 0o600)
}

// terraform runs the tool and measures it.
func (w *workplace) terraform(ctx context.Context, args ...string) (figures, error) {
	w.server.Reset()
	watch := watchMemory(w.program)
	began := time.Now()
	command := exec.CommandContext(ctx, w.tool, append(args, "-no-color")...)
	command.Dir, command.Env = w.dir, w.env
	output, err := command.CombinedOutput()
	took := time.Since(began)
	memory := watch()
	if err != nil {
		return figures{}, fmt.Errorf("%s %s: %w\n%s", filepath.Base(w.tool), strings.Join(args, " "), err, output)
	}
	state := command.ProcessState // Terraform waits for the provider, so that its time counts, too.
	return figures{took, len(w.server.Requests()), state.UserTime() + state.SystemTime(), memory}, nil
}

// measure applies and plans a configuration with a number of resources.
func measure(ctx context.Context, dir, tool string, s subject, size int) (_ map[string]figures, err error) {
	w, err := open(ctx, dir, tool, s, registrytest.Olareg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.server.Close()) }()
	if err = w.configure(s, size, "content"); err != nil {
		return nil, err
	}
	result := map[string]figures{}
	for _, operation := range []struct {
		name string
		args []string
	}{{apply, []string{"apply", "-auto-approve"}}, {plan, []string{"plan", "-detailed-exitcode"}}} {
		args := slices.Concat(operation.args, []string{fmt.Sprint("-parallelism=", s.parallelism)})
		if result[operation.name], err = w.terraform(ctx, args...); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// watchMemory watches the processes of a program. The function that it returns ends the watch and returns the largest
// peak of their resident memory in bytes, or 0 if /proc does not have it.
func watchMemory(program string) func() int64 {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		for {
			select {
			case <-stop:
				result <- peak
				return
			case <-time.After(100 * time.Millisecond):
				peak = max(peak, peakMemory(program))
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-result
	}
}

func peakMemory(program string) (peak int64) {
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		return 0
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != program {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(link), "status"))
		if err != nil {
			continue
		}
		for line := range bytes.Lines(status) {
			if text, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
				kilobytes, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(text), []byte(" kB"))), 10, 64)
				if err == nil {
					peak = max(peak, kilobytes<<10)
				}
			}
		}
	}
	return peak
}
