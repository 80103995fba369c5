package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"
)

// gitOpsRepository is the repository of the use case gitops.
const gitOpsRepository = "../examples/use-cases/gitops/repository"

// readYAML reads a file of the repository, and fails if it has a field that into lacks.
func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	file, err := os.Open(filepath.Join(gitOpsRepository, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// The file for Atlantis has fields that Atlantis knows, and names files that the repository has.
func TestGitOpsAtlantis(t *testing.T) {
	var config struct {
		Version      int  `yaml:"version"`
		ParallelPlan bool `yaml:"parallel_plan"`
		Projects     []struct {
			Name     string `yaml:"name"`
			Dir      string `yaml:"dir"`
			Autoplan struct {
				WhenModified []string `yaml:"when_modified"`
			} `yaml:"autoplan"`
			ApplyRequirements []string `yaml:"apply_requirements"`
		} `yaml:"projects"`
	}
	readYAML(t, "atlantis.yaml", &config)
	if config.Version != 3 || len(config.Projects) != 1 {
		t.Fatalf("version %d with %d projects, want version 3 with one", config.Version, len(config.Projects))
	}
	project := config.Projects[0]
	if _, err := os.Stat(filepath.Join(gitOpsRepository, project.Dir, "main.tf")); err != nil {
		t.Errorf("the project has no configuration: %v", err)
	}
	for file, pattern := range map[string]string{"main.tf": "*.tf", "approvals/web.yaml": "approvals/**"} {
		found := false
		for _, modified := range project.Autoplan.WhenModified {
			found = found || modified == pattern
		}
		if _, err := os.Stat(filepath.Join(gitOpsRepository, filepath.FromSlash(file))); err != nil || !found {
			t.Errorf("a change of %s: %v; no plan by %q among %q", file, err, pattern, project.Autoplan.WhenModified)
		}
	}
}

type fluxMeta struct {
	Name      string `yaml:"name"`
	Namespace string `yaml:"namespace"`
}

// The objects for Flux name each other, a directory with a configuration, and the secret where the provider looks.
func TestGitOpsFlux(t *testing.T) {
	var source struct {
		APIVersion string   `yaml:"apiVersion"`
		Kind       string   `yaml:"kind"`
		Metadata   fluxMeta `yaml:"metadata"`
		Spec       struct {
			Interval string            `yaml:"interval"`
			URL      string            `yaml:"url"`
			Ref      map[string]string `yaml:"ref"`
		} `yaml:"spec"`
	}
	readYAML(t, "flux/source.yaml", &source)
	var applied struct {
		APIVersion string   `yaml:"apiVersion"`
		Kind       string   `yaml:"kind"`
		Metadata   fluxMeta `yaml:"metadata"`
		Spec       struct {
			Interval    string `yaml:"interval"`
			ApprovePlan string `yaml:"approvePlan"`
			Path        string `yaml:"path"`
			SourceRef   struct {
				Kind string `yaml:"kind"`
				Name string `yaml:"name"`
			} `yaml:"sourceRef"`
			RunnerPodTemplate struct {
				Spec struct {
					Env []struct {
						Name  string `yaml:"name"`
						Value string `yaml:"value"`
					} `yaml:"env"`
					VolumeMounts []struct {
						Name      string `yaml:"name"`
						MountPath string `yaml:"mountPath"`
						ReadOnly  bool   `yaml:"readOnly"`
					} `yaml:"volumeMounts"`
					Volumes []struct {
						Name   string         `yaml:"name"`
						Secret map[string]any `yaml:"secret"`
					} `yaml:"volumes"`
				} `yaml:"spec"`
			} `yaml:"runnerPodTemplate"`
		} `yaml:"spec"`
	}
	readYAML(t, "flux/terraform.yaml", &applied)

	if ref := applied.Spec.SourceRef; ref.Kind != source.Kind || ref.Name != source.Metadata.Name {
		t.Errorf("the source is %s %s, want %s %s", ref.Kind, ref.Name, source.Kind, source.Metadata.Name)
	}
	if applied.Metadata.Namespace != source.Metadata.Namespace {
		t.Errorf("namespaces %s and %s: a name alone finds the source in its own", applied.Metadata.Namespace,
			source.Metadata.Namespace)
	}
	if _, err := os.Stat(filepath.Join(gitOpsRepository, applied.Spec.Path, "main.tf")); err != nil {
		t.Errorf("the path has no configuration: %v", err)
	}
	pod := applied.Spec.RunnerPodTemplate.Spec
	if len(pod.Env) != 1 || len(pod.VolumeMounts) != 1 || len(pod.Volumes) != 1 {
		t.Fatalf("%d variables, %d mounts and %d volumes, want one of each", len(pod.Env), len(pod.VolumeMounts),
			len(pod.Volumes))
	}
	if pod.Env[0].Name != "DOCKER_CONFIG" || pod.Env[0].Value != pod.VolumeMounts[0].MountPath {
		t.Errorf("%s is %s, and the secret is in %s", pod.Env[0].Name, pod.Env[0].Value, pod.VolumeMounts[0].MountPath)
	}
	if pod.Volumes[0].Name != pod.VolumeMounts[0].Name {
		t.Errorf("the mount of %s has the volume %s", pod.VolumeMounts[0].Name, pod.Volumes[0].Name)
	}
}
