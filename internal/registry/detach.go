package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Detach deletes manifests that are attached to a subject, and takes them off the list under its fallback tag if the
// registry has no API for referrers. It succeeds for those that are not there.
//
// The error wraps oci.ErrDeleteRefused if the registry does not delete, or not for this user. The list is without the
// manifests then, too.
func (r *Repository) Detach(ctx context.Context, subject oci.Digest, digests ...oci.Digest) (err error) {
	defer r.host.clean(&err)
	if len(digests) == 0 {
		return nil
	}
	// The list comes first: it must not name what is gone.
	hasAPI, err := r.hasAPI(ctx, subject)
	if err == nil && !hasAPI {
		err = r.editList(ctx, subject, oci.ReferrersEdit{Remove: digests})
	}
	if err != nil {
		return fmt.Errorf("detaching from %s: %w", r.spell(subject.String()), err)
	}
	var failed []error
	for _, digest := range digests {
		if err := r.deleteManifest(ctx, digest.String()); err != nil {
			failed = append(failed, fmt.Errorf("deleting manifest %s: %w", r.spell(digest.String()), err))
		}
	}
	return errors.Join(failed...)
}

// deleteManifest deletes the manifest with a digest, or a tag. It succeeds if there is none. The error wraps
// oci.ErrDeleteRefused if the registry does not delete.
func (r *Repository) deleteManifest(ctx context.Context, identifier string) error {
	in := request{
		method: http.MethodDelete, path: "manifests/" + identifier, access: deleting,
		accept: []int{http.StatusAccepted, http.StatusOK, http.StatusNoContent},
	}
	err := r.exchange(ctx, in, func(*http.Response) error { return nil })
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return nil
	case refusesDeletion(statusOf(err)):
		return fmt.Errorf("%w: %w", oci.ErrDeleteRefused, err)
	}
	return err
}

// refusesDeletion reports whether the status of an answer means that there will be no deletion. Registries that do not
// delete answer 405 or 400, Docker Hub 401 or 403, Harbor 412 for a rule of the project, and some 409 or 501. The same
// holds for the answer of a token service to the request for a login that may delete.
func refusesDeletion(status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	case http.StatusNotImplemented:
		return true
	}
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError
}
