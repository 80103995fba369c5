package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// tell starts a registry, pushes three builds and plays the story.
func (s *stage) tell(ctx context.Context) (err error) {
	server, err := registrytest.Start(registrytest.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	repository, err := oci.ParseRepository(server.Host()+"/team/app", "")
	if err != nil {
		return err
	}
	client := registry.NewClient(registry.Options{UserAgent: "manifesto-demo"})
	defer client.Close()
	other := &otherTool{remote: client.Open(repository)}
	s.print("", fmt.Sprintf("A registry runs at %s. Three images were pushed (digests are cut here):", server.Host()))
	for _, tag := range []string{"1.0", "1.1", "1.2"} {
		if other.image, err = registrytest.PushImage(ctx, other.remote, tag, "build "+tag); err != nil {
			return err
		}
		s.print("", fmt.Sprintf("  team/app:%s  %s", tag, shorten(other.image.String())))
		if tag == "1.1" {
			s.variables = append(s.variables, "approved="+other.image.String())
		}
	}
	s.variables = append(s.variables, "repository="+repository.String())
	for _, part := range []func(context.Context, *otherTool) error{
		s.declare, s.drift, s.gate, s.bulk, s.query, s.adopt, s.destroy,
	} {
		if err := part(ctx, other); err != nil {
			return err
		}
	}
	s.print("", "\nThe registry and the working directory are gone.")
	return nil
}

func (s *stage) declare(ctx context.Context, other *otherTool) error {
	s.chapter("Declare", "A contact for the current build, and an approval of the build that security has looked at.")
	if err := s.add("main.tf"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 0, changes, "apply", "-auto-approve"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 0, summary, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	s.print("", "\nThe registry holds them beside the images, in a document that any tool can read:")
	document, err := other.document(ctx)
	if err == nil {
		s.show(shorten(document))
	}
	return err
}

func (s *stage) drift(ctx context.Context, other *otherTool) error {
	s.chapter("See drift", "Somebody changes the contact with another tool. The plan shows it, and the apply repairs it.")
	if err := other.put(ctx, "contact", "nobody@example.com"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 2, changes, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 0, summary, "apply", "-auto-approve"); err != nil {
		return err
	}
	return other.expect(ctx, "contact", "platform-team@example.com")
}

func (s *stage) gate(ctx context.Context, _ *otherTool) error {
	s.chapter("Gate a deployment", "Build 1.1 is approved. Nobody has approved build 1.2, so its deployment stops.")
	if err := s.add("gate.tf"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 1, summary, "plan", "-var", "deploy=1.2"); err != nil {
		return err
	}
	return s.terraform(ctx, 0, outputs, "apply", "-auto-approve")
}

func (s *stage) bulk(ctx context.Context, _ *otherTool) error {
	s.chapter("Record what runs in production", "One resource for the whole repository, and one commit, "+
		"however many images there are.")
	if err := s.add("active.tf"); err != nil {
		return err
	}
	const settings = "production.auto.tfvars"
	if err := s.write(settings, `active = { "1.0" = "us-east", "1.1" = "eu-west" }`); err != nil {
		return err
	}
	if err := s.terraform(ctx, 0, changes, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.print("", "\nThe cluster in the US now runs build 1.2:")
	if err := s.write(settings, `active = { "1.2" = "us-east", "1.1" = "eu-west" }`); err != nil {
		return err
	}
	return s.terraform(ctx, 0, changes, "apply", "-auto-approve")
}

func (s *stage) query(ctx context.Context, _ *otherTool) error {
	s.chapter("Ask", "Which builds run without an approval? Which tags may be pruned?")
	if err := s.add("query.tf"); err != nil {
		return err
	}
	return s.terraform(ctx, 0, outputs, "apply", "-auto-approve")
}

func (s *stage) adopt(ctx context.Context, other *otherTool) error {
	s.chapter("Adopt", "A scanner has stored its report without Terraform. It is imported, and nothing has to change.")
	if err := other.put(ctx, "scan-report", "0 vulnerabilities"); err != nil {
		return err
	}
	if err := s.add("scan.tf"); err != nil {
		return err
	}
	return s.terraform(ctx, 0, summary, "apply", "-auto-approve")
}

func (s *stage) destroy(ctx context.Context, other *otherTool) error {
	s.chapter("Destroy", "Every entry goes. The images stay.")
	if err := s.terraform(ctx, 0, summary, "destroy", "-auto-approve"); err != nil {
		return err
	}
	return other.expectNothing(ctx)
}

// add copies a file of the story into the working directory.
func (s *stage) add(name string) error {
	content, err := story.ReadFile("story/" + name)
	if err != nil {
		return err
	}
	return s.write(name, string(content))
}

func (s *stage) write(name, content string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600)
}
