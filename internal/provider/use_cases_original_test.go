package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// prepareOriginal stores a contact of the first build as the original tool does.
func (w *world) prepareOriginal() {
	w.t.Helper()
	w.remote = w.open("example/app")
	image, err := registrytest.PushImage(context.Background(), w.remote, "1.2", useCaseImages["example/app"]["1.2"])
	if err != nil {
		w.t.Fatal(err)
	}
	content, err := w.remote.PutBlob(context.Background(), []byte("platform-team@example.com"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.write(fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[{"type":"contact","digest":%q}]}]}`,
		strings.TrimPrefix(image.String(), "sha256:"), content))
}
