package registry

import (
	"context"
	"slices"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// lists let one operation at a time change a list under a fallback tag, for all that wait meanwhile. The zero value is
// ready to use. It is safe for concurrent use.
type lists struct {
	mu sync.Mutex
	// byName are the lists that are in use, by repository and subject.
	byName map[string]*list
}

// list is one of lists.
type list struct {
	// writer has one element while somebody changes the list.
	writer chan struct{}
	// waiting are the edits that the next writer makes, in the order in which they came.
	waiting []*listEdit
	users   int
}

// listEdit is an edit that waits to be made. Its other fields are its user's once done is set.
type listEdit struct {
	oci.ReferrersEdit
	done bool
	err  error
}

// change has write make an edit of a list, possibly together with edits of other callers, one of whom calls its own
// write for all of them. Their outcome is that of all. If ctx ends meanwhile, the edit may be made or not.
func (l *lists) change(
	ctx context.Context, name string, edit oci.ReferrersEdit, write func([]oci.ReferrersEdit) error,
) error {
	own := &listEdit{ReferrersEdit: edit}
	used := l.enter(name, own)
	defer l.leave(name, used, own)
	select {
	case used.writer <- struct{}{}:
		defer func() { <-used.writer }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	batch := l.take(used, own)
	if batch == nil { // Another caller has made the edit.
		return own.err
	}
	edits := make([]oci.ReferrersEdit, len(batch))
	for i, e := range batch {
		edits[i] = e.ReferrersEdit
	}
	err := write(edits)
	l.settle(used, own, batch, err, ctx.Err() != nil)
	return err
}

func (l *lists) enter(name string, own *listEdit) *list {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byName == nil {
		l.byName = map[string]*list{}
	}
	used := l.byName[name]
	if used == nil {
		used = &list{writer: make(chan struct{}, 1)}
		l.byName[name] = used
	}
	used.users++
	used.waiting = append(used.waiting, own)
	return used
}

func (l *lists) leave(name string, used *list, own *listEdit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	used.waiting = slices.DeleteFunc(used.waiting, func(e *listEdit) bool { return e == own })
	if used.users--; used.users == 0 {
		delete(l.byName, name)
	}
}

// take returns all edits that wait; nil if the caller's own was made.
func (l *lists) take(used *list, own *listEdit) []*listEdit {
	l.mu.Lock()
	defer l.mu.Unlock()
	if own.done {
		return nil
	}
	batch := used.waiting
	used.waiting = nil
	return batch
}

// settle tells the callers how their edits ended. If only the writer's own context has ended, the others wait for the
// next writer, who is one of them.
func (l *lists) settle(used *list, own *listEdit, batch []*listEdit, err error, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range batch {
		if err != nil && ended && e != own {
			used.waiting = slices.Insert(used.waiting, min(i, len(used.waiting)), e)
			continue
		}
		e.done, e.err = true, err
	}
}
