package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	tools := flags.String("tools", "terraform,tofu", "the programs to measure with; missing ones are skipped")
	sizes := flags.String("sizes", "100,1000", "numbers of resources")
	rounds := flags.Int("rounds", 3, "number of measurements of everything")
	large := flags.Int("large", 100_000, "number of entries of the large manifesto; 0 skips it")
	bulk := flags.Int("bulk", 10_000, "number of images of one resource; 0 skips it")
	bulkLatencies := flags.String("bulk-latencies", "0s,20ms", "latencies of the requests about that resource")
	if err = flags.Parse(args); err != nil {
		return err
	}
	latencies, err := parseLatencies(*bulkLatencies)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "manifesto-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err = build(ctx, dir); err != nil {
		return err
	}
	var found []string
	for tool := range strings.SplitSeq(*tools, ",") {
		path, lookErr := exec.LookPath(tool)
		if lookErr != nil {
			fmt.Fprintf(os.Stderr, "%s is not installed\n", tool)
			continue
		}
		found = append(found, path)
	}
	if len(found) == 0 {
		return errors.New("neither Terraform nor OpenTofu is installed")
	}
	fmt.Printf("%s, %d processors, %s/%s, %d rounds.\n",
		time.Now().Format(time.DateOnly), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, *rounds)
	for _, tool := range found {
		version, err := exec.CommandContext(ctx, tool, "version").Output()
		if err != nil {
			return err
		}
		fmt.Printf("\n### %s\n\n", product.Find(version))
		fmt.Println("| resources | parallel | latency | operation | time | × no-op | × `terraform_data` " +
			"| processor time | × no-op | requests | provider's peak memory |")
		fmt.Println("| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
		for text := range strings.FieldsFuncSeq(*sizes, func(r rune) bool { return r == ',' }) {
			size, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			if err := measureAll(ctx, dir, tool, size, *rounds); err != nil {
				return err
			}
		}
	}
	if *large > 0 {
		if err := measureLarge(ctx, dir, found[0], *large); err != nil {
			return err
		}
	}
	return measureBulks(ctx, dir, found[0], *bulk, *rounds, latencies)
}

// parseLatencies parses durations with commas between them.
func parseLatencies(text string) ([]time.Duration, error) {
	var latencies []time.Duration
	for field := range strings.SplitSeq(text, ",") {
		latency, err := time.ParseDuration(field)
		if err != nil {
			return nil, fmt.Errorf("latencies %q: %w", text, err)
		}
		latencies = append(latencies, latency)
	}
	return latencies, nil
}

// product matches the name and version in the output of Terraform and OpenTofu.
var product = regexp.MustCompile(`(Terraform|OpenTofu) v\S+`)

// build compiles the provider and the provider that does nothing, each into a directory of its own.
func build(ctx context.Context, dir string) error {
	for name, args := range map[string][]string{
		"real": {"build", "."},
		"noop": {"test", "-c", "./internal/provider"},
	} {
		program := filepath.Join(dir, name, "terraform-provider-manifesto")
		args = slices.Insert(args, len(args)-1, "-o", program)
		command := exec.CommandContext(ctx, "go", args...)
		command.Dir = ".."
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
		}
		settings := fmt.Sprintf("provider_installation {\n"+
			"  dev_overrides {\n    \"imagemanifesto/manifesto\" = %q\n  }\n  direct {}\n}\n", filepath.Dir(program))
		if err := os.WriteFile(filepath.Join(dir, name+".tfrc"), []byte(settings), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Operations that are measured.
const (
	apply = "apply (create)"
	plan  = "plan (unchanged)"
)

// figures are the measurements of one operation.
type figures struct {
	took     time.Duration
	requests int
	// cpu is the processor time of Terraform and the provider together.
	cpu time.Duration
	// memory is the peak of the provider's resident memory in bytes; 0 means unknown.
	memory int64
}

// subject is one of the things that are compared.
type subject struct {
	name string
	// latency is added to every request.
	latency time.Duration
	// parallelism is the number of resources that Terraform works on at the same time.
	parallelism int
}

// rows are the subjects in the tables. Their figures are compared with those of the references.
var (
	rows = []subject{
		{"real", 0, 10}, {"real", 20 * time.Millisecond, 10}, {"real", 0, 50}, {"real", 20 * time.Millisecond, 50},
	}
	references = []subject{{"noop", 0, 10}, {"noop", 0, 50}, {"data", 0, 10}}
)

// measureAll measures all subjects in alternation and prints the rows for one number of resources.
func measureAll(ctx context.Context, dir, tool string, size, rounds int) error {
	all := map[subject]map[string][]figures{}
	for range rounds {
		for _, s := range slices.Concat(references, rows) {
			got, err := measure(ctx, dir, tool, s, size)
			if err != nil {
				return err
			}
			if all[s] == nil {
				all[s] = map[string][]figures{}
			}
			for operation, f := range got {
				all[s][operation] = append(all[s][operation], f)
			}
		}
	}
	for _, operation := range []string{apply, plan} {
		for _, row := range rows {
			own := all[row][operation]
			ratio := func(reference subject, of func(figures) time.Duration) float64 {
				ratios := make([]float64, rounds)
				for i := range rounds {
					ratios[i] = float64(of(own[i])) / float64(of(all[reference][operation][i]))
				}
				return median(ratios)
			}
			noop := subject{"noop", 0, row.parallelism}
			fmt.Printf("| %d | %d | %s | %s | %s | %.2f | %.2f | %s | %.2f | %d | %s |\n",
				size, row.parallelism, milliseconds(row.latency), operation,
				seconds(median(each(own, figures.time))), ratio(noop, figures.time),
				ratio(subject{"data", 0, 10}, figures.time),
				seconds(median(each(own, figures.processor))), ratio(noop, figures.processor),
				median(each(own, func(f figures) int { return f.requests })),
				megabytes(median(each(own, func(f figures) int64 { return f.memory }))))
		}
	}
	return nil
}

func (f figures) time() time.Duration { return f.took }

func (f figures) processor() time.Duration { return f.cpu }

func each[T any](all []figures, of func(figures) T) []T {
	values := make([]T, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	return values
}

func median[T int | int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds(), " ms") }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(n int64) string {
	if n == 0 {
		return "?"
	}
	return fmt.Sprint(n>>20, " MB")
}
