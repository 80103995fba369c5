package manifesto

import (
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestMissingBlobsAreReportedOnce(t *testing.T) {
	var u unpinnable
	u.report([]oci.Digest{dig("a")}, nil) // Without a ticket, there is nobody to tell.
	first, second := &ticket{change: change{{}}}, &ticket{change: change{{}}}
	deletes := &ticket{change: change{{remove: true}}}
	u.report([]oci.Digest{dig("a"), dig("b")}, []*ticket{deletes, first, second})
	u.report([]oci.Digest{dig("b")}, []*ticket{second})
	if len(first.missing) != 2 || second.missing != nil || deletes.missing != nil {
		t.Errorf("reported %v, %v and %v", first.missing, second.missing, deletes.missing)
	}
	u.add([]oci.Digest{dig("a"), dig("b")})
	u.remove(dig("a")) // It was uploaded.
	if got := u.all(); len(got) != 1 || !got[dig("b")] {
		t.Errorf("unpinnable: %v", got)
	}
}
