package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// chapter prints the title of the next part and what to look at in it.
func (s *stage) chapter(title, look string) {
	_, _ = fmt.Fprintf(s.out, "\n── %s ──\n%s\n", title, look)
}

// tell starts a registry, pushes an image and plays the story.
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
	remote := client.Open(repository)
	image, err := registrytest.PushImage(ctx, remote, "1.0", "the build of today")
	if err != nil {
		return err
	}
	s.image = repository.Tagged("1.0").String()
	_, _ = fmt.Fprintf(s.out, "A registry runs at %s, and a build has pushed the image\n  %s\n  %s\n"+
		"(digests are cut to 12 digits here)\n", server.Host(), s.image, shorten(image.String()))
	other := &otherTool{remote: remote, image: image}
	for _, part := range []func(context.Context, *otherTool) error{s.apply, s.drift, s.lookUp, s.importScan, s.destroy} {
		if err := part(ctx, other); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(s.out, "\nThis was the demo. The registry and the working directory are gone.")
	return nil
}

func (s *stage) apply(ctx context.Context, other *otherTool) error {
	if err := s.add("main.tf", "seccomp.json"); err != nil {
		return err
	}
	s.chapter("1. Declare and apply",
		"Three pieces of metadata about the image. Digests, sizes and media types are known before anything is stored.")
	if err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	s.chapter("2. Nothing to do",
		"A second plan is empty.")
	if err := s.terraform(ctx, 0, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	s.chapter("3. What the registry holds",
		"The manifesto, as any tool reads it: crane export "+other.remote.Repository().String()+
			":_manifesto - | tar -xO data")
	return other.show(ctx, s)
}

func (s *stage) drift(ctx context.Context, other *otherTool) error {
	s.chapter("4. Somebody changes the contact with another tool",
		"The plan shows the change as a diff of the content, and asks to put it back.")
	if err := other.put(ctx, "contact", "nobody@example.com"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 2, "plan", "-detailed-exitcode"); err != nil {
		return err
	}
	s.chapter("5. Repair", "The apply stores what was declared again.")
	if err := s.terraform(ctx, 0, "apply", "-auto-approve"); err != nil {
		return err
	}
	return other.expect(ctx, "contact", "platform-team@example.com")
}

func (s *stage) lookUp(ctx context.Context, _ *otherTool) error {
	if err := s.add("lookup.tf"); err != nil {
		return err
	}
	s.chapter("6. Look metadata up",
		"A deployment asks for the approval and would stop without it. It gets the digest of the build that was approved.")
	return s.terraform(ctx, 0, "apply", "-auto-approve")
}

func (s *stage) importScan(ctx context.Context, other *otherTool) error {
	s.chapter("7. Import what a pipeline has recorded",
		"A scanner has stored its report without Terraform. Imported by IMAGE#TYPE, it needs no change: the plan is empty.")
	if err := other.put(ctx, "scan-report", "0 vulnerabilities"); err != nil {
		return err
	}
	if err := s.add("scan.tf"); err != nil {
		return err
	}
	if err := s.terraform(ctx, 0, "import", "manifesto_metadata.scan", s.image+"#scan-report"); err != nil {
		return err
	}
	return s.terraform(ctx, 0, "plan", "-detailed-exitcode")
}

func (s *stage) destroy(ctx context.Context, other *otherTool) error {
	s.chapter("8. Destroy", "Every entry goes; the manifesto stays, empty.")
	if err := s.terraform(ctx, 0, "destroy", "-auto-approve"); err != nil {
		return err
	}
	return other.show(ctx, s)
}

// otherTool stands for a tool that works on the same metadata without Terraform.
type otherTool struct {
	remote *registry.Repository
	image  oci.Digest
}

func (o *otherTool) store() *manifesto.Store {
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return o.remote }, manifesto.Options{})
}

func (o *otherTool) key(typ string) manifesto.Key {
	return manifesto.Key{Repository: o.remote.Repository(), Image: o.image, Type: typ}
}

func (o *otherTool) put(ctx context.Context, typ, content string) error {
	_, err := o.store().Put(ctx, manifesto.Put{
		Key: o.key(typ), Content: []byte(content), MediaType: format.DetectMediaType([]byte(content)), Overwrite: true,
	})
	return err
}

func (o *otherTool) expect(ctx context.Context, typ, want string) error {
	_, content, err := o.store().Fetch(ctx, o.key(typ))
	if err != nil {
		return err
	}
	if string(content) != want {
		return fmt.Errorf("the registry holds %s = %q, expected %q", typ, content, want)
	}
	return nil
}

// show prints the document under the tag _manifesto.
func (o *otherTool) show(ctx context.Context, s *stage) error {
	document, err := manifesto.ReadDocument(ctx, o.remote)
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, document.Render(), "  ", "  "); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.out, "  %s\n", shorten(pretty.String()))
	return nil
}
