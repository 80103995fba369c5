package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

var _ manifesto.Repository = (*Layout)(nil)

// Environment variables of a process that writes for a test: the layout's directory, the kind of work, and the
// number of the process.
const (
	envDirectory = "LAYOUT_TEST_DIRECTORY"
	envWork      = "LAYOUT_TEST_WORK"
	envWriter    = "LAYOUT_TEST_WRITER"
)

// The number of processes, and of pieces that each of them writes.
const (
	processes = 4
	pieces    = 12
)

// TestMain is also the main function of the processes that tests start.
func TestMain(m *testing.M) {
	directory := os.Getenv(envDirectory)
	if directory == "" {
		os.Exit(m.Run())
	}
	writer, err := strconv.Atoi(os.Getenv(envWriter))
	if err == nil {
		works := map[string]func(context.Context, string, int) error{
			"tags": putTags, "metadata": putMetadata, "artifacts": attachArtifacts,
		}
		err = works[os.Getenv(envWork)](context.Background(), directory, writer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// inProcesses runs work in several processes at once.
func inProcesses(t *testing.T, directory, work string) {
	t.Helper()
	var group errgroup.Group
	for writer := range processes {
		group.Go(func() error {
			command := exec.CommandContext(t.Context(), os.Args[0])
			command.Env = append(os.Environ(), envDirectory+"="+directory, envWork+"="+work,
				envWriter+"="+strconv.Itoa(writer))
			if output, err := command.CombinedOutput(); err != nil {
				return fmt.Errorf("writer %d: %w: %s", writer, err, output)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// putTags puts images in parallel, each under a tag of its own and under a tag that all writers share.
func putTags(ctx context.Context, directory string, writer int) error {
	l := Open(directory)
	group, ctx := errgroup.WithContext(ctx)
	for piece := range pieces {
		group.Go(func() error {
			m, err := pushBlobs(ctx, l, fmt.Sprint(writer, piece))
			if err != nil {
				return err
			}
			return errors.Join(
				l.PutManifest(ctx, fmt.Sprintf("tag-%d-%d", writer, piece), m, time.Time{}),
				l.PutManifest(ctx, "shared", m, time.Time{}),
			)
		})
	}
	return group.Wait()
}

func checkTags(t *testing.T, directory string, writers int) {
	t.Helper()
	l := Open(directory)
	digests := map[oci.Digest]bool{}
	for writer := range writers {
		for piece := range pieces {
			tag := fmt.Sprintf("tag-%d-%d", writer, piece)
			got, err := l.HeadManifest(t.Context(), tag)
			if err != nil {
				t.Errorf("%s: %v", tag, err)
			}
			digests[got] = true
		}
	}
	if len(digests) != writers*pieces {
		t.Errorf("%d images, want %d", len(digests), writers*pieces)
	}
	if shared, err := l.HeadManifest(t.Context(), "shared"); err != nil || !digests[shared] {
		t.Errorf("the shared tag is on %s, %v", shared, err)
	}
	index := readIndexFile(t, directory)
	if !strings.HasPrefix(index, `{"schemaVersion":2,"x" : [1.0],"manifests":[`) || !json.Valid([]byte(index)) {
		t.Errorf("the index is %s", index)
	}
	if n := strings.Count(index, annotationName); n != writers*pieces+1 {
		t.Errorf("%d descriptors, want %d", n, writers*pieces+1)
	}
}

const odd = `{"schemaVersion":2,"x" : [1.0],"manifests":[]}`

func TestParallelWritersLoseNoTag(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, odd)
	var writers, readers errgroup.Group
	for writer := range processes {
		writers.Go(func() error { return putTags(t.Context(), directory, writer) })
	}
	written := make(chan struct{})
	readers.Go(func() error { return readUntil(t.Context(), written, directory) })
	err := writers.Wait()
	close(written)
	if err = errors.Join(err, readers.Wait()); err != nil {
		t.Fatal(err)
	}
	checkTags(t, directory, processes)
}

// readUntil reads the index again and again. It must be whole each time.
func readUntil(ctx context.Context, end <-chan struct{}, directory string) error {
	for {
		_, err := Open(directory).HeadManifest(ctx, "shared")
		if err != nil && !errors.Is(err, oci.ErrNotFound) {
			return err
		}
		select {
		case <-end:
			return nil
		default:
		}
	}
}

func TestProcessesLoseNoTag(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, odd)
	inProcesses(t, directory, "tags")
	checkTags(t, directory, processes)
}

var described = oci.DigestOf([]byte("the image"))

// putMetadata stores metadata in parallel through one store, like a run of Terraform.
func putMetadata(ctx context.Context, directory string, writer int) error {
	repository, err := oci.ParseRepository(oci.LayoutHost+":"+directory, "")
	if err != nil {
		return err
	}
	store := newStore(directory)
	group, ctx := errgroup.WithContext(ctx)
	for piece := range pieces {
		group.Go(func() error {
			typ := fmt.Sprintf("type-%d-%d", writer, piece)
			key := manifesto.Key{Repository: repository, Image: described, Type: typ}
			_, err := store.Put(ctx, manifesto.Put{Key: key, Content: []byte(typ), MediaType: "text/plain"})
			return err
		})
	}
	return group.Wait()
}

func newStore(directory string) *manifesto.Store {
	open := func(oci.Repository) manifesto.Repository { return Open(directory) }
	return manifesto.NewStore(open, manifesto.Options{Settle: manifesto.Adaptive})
}

func checkMetadata(t *testing.T, directory string, writers int) {
	t.Helper()
	repository, err := oci.ParseRepository(oci.LayoutHost+":"+directory, "")
	if err != nil {
		t.Fatal(err)
	}
	store := newStore(directory)
	entries, err := store.List(t.Context(), repository, described)
	if err != nil || len(entries) != writers*pieces {
		t.Fatalf("%d entries, %v; want %d", len(entries), err, writers*pieces)
	}
	for _, entry := range entries {
		key := manifesto.Key{Repository: repository, Image: described, Type: entry.Type}
		if piece, err := store.Get(t.Context(), key); err != nil || !piece.Pinned {
			t.Errorf("%s: %+v, %v; want it pinned", entry.Type, piece, err)
		}
		if _, content, err := store.Fetch(t.Context(), key); err != nil || string(content) != entry.Type {
			t.Errorf("%s: %q, %v", entry.Type, content, err)
		}
	}
	// A bundle that is carried elsewhere must not name the directory where it was written.
	for _, tag := range []string{"_manifesto", "_manifesto.pins"} {
		m, err := Open(directory).GetManifest(t.Context(), tag)
		content := string(m.Content)
		if err != nil || strings.Contains(content, directory) || strings.Contains(content, "dev.manifesto.repository") {
			t.Errorf("%s: %s, %v", tag, content, err)
		}
	}
}

func TestParallelStoresLoseNoEntry(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	var group errgroup.Group
	for writer := range processes {
		group.Go(func() error { return putMetadata(t.Context(), directory, writer) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	checkMetadata(t, directory, processes)
}

func TestProcessesLoseNoEntry(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	inProcesses(t, directory, "metadata")
	checkMetadata(t, directory, processes)
}
