package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
)

// A backup is JSON lines: what it is, then the parts of a copy of the ledger, then a checksum of all lines before. It says
// nothing about the store that it came from, and holds keys only as the ledger does: wrapped under the master key.

// backupHead is the first line of a backup.
type backupHead struct {
	Leasehold string    `json:"leasehold"` // "backup"
	Format    int       `json:"format"`
	Version   string    `json:"version"` // of the program that wrote it
	Time      time.Time `json:"time"`
}

// backupTail is the last line.
type backupTail struct {
	Parts  int    `json:"parts"`
	SHA256 string `json:"sha256"`
}

const (
	backupFormat = 1
	maxPart      = 256 << 20 // bytes of one line
)

// writeBackup writes a backup of a ledger.
func writeBackup(ctx context.Context, to io.Writer, from provision.Copies) (parts int, err error) {
	buffered := bufio.NewWriterSize(to, 1<<20)
	sum := sha256.New()
	lines := json.NewEncoder(io.MultiWriter(buffered, sum))
	if err := lines.Encode(backupHead{"backup", backupFormat, whatWasBuilt().Version, time.Now().UTC()}); err != nil {
		return 0, err
	}
	err = from.Copy(ctx, func(p provision.Part) error {
		parts++
		return lines.Encode(p)
	})
	if err == nil {
		err = json.NewEncoder(buffered).Encode(backupTail{parts, hex.EncodeToString(sum.Sum(nil))})
	}
	return parts, errors.Join(err, buffered.Flush())
}

// backupReader reads a backup.
type backupReader struct {
	head  backupHead
	lines *bufio.Scanner
	sum   hash.Hash
}

func readBackup(from io.Reader) (*backupReader, error) {
	r := &backupReader{lines: bufio.NewScanner(from), sum: sha256.New()}
	r.lines.Buffer(make([]byte, 1<<20), maxPart)
	err := json.Unmarshal(r.next(), &r.head)
	switch {
	case err != nil || r.head.Leasehold != "backup":
		return nil, errors.New("this is no backup that leasehold made")
	case r.head.Format > backupFormat:
		return nil, fmt.Errorf("this backup was made by a newer leasehold (%s, format %d; this one knows %d): restore it with that one", r.head.Version, r.head.Format, backupFormat)
	}
	return r, nil
}

// next is the next line; nil: there is none.
func (r *backupReader) next() []byte {
	if !r.lines.Scan() {
		return nil
	}
	line := r.lines.Bytes()
	if !bytes.HasPrefix(line, []byte(`{"parts":`)) {
		r.sum.Write(line)
		r.sum.Write([]byte("\n"))
	}
	return line
}

// parts are the parts of a backup. One that is cut, or was changed, ends with an error.
func (r *backupReader) parts() iter.Seq2[provision.Part, error] {
	return func(yield func(provision.Part, error) bool) {
		for n := 0; ; n++ {
			line := r.next()
			if line == nil {
				yield(provision.Part{}, errors.Join(errors.New("the backup is cut: its end is missing"), r.lines.Err()))
				return
			}
			if bytes.HasPrefix(line, []byte(`{"parts":`)) {
				if err := r.end(line, n); err != nil {
					yield(provision.Part{}, err)
				}
				return
			}
			var p provision.Part
			err := json.Unmarshal(line, &p)
			if err != nil {
				err = fmt.Errorf("part %d of the backup: %w", n, err)
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

func (r *backupReader) end(line []byte, parts int) error {
	var tail backupTail
	if err := json.Unmarshal(line, &tail); err != nil || tail.Parts != parts || tail.SHA256 != hex.EncodeToString(r.sum.Sum(nil)) {
		return errors.New("the backup was changed, or damaged: its checksum is another")
	}
	return nil
}

type backupCommand struct {
	File string `arg:"" help:"Where to; - is stdout. What is there is replaced, once the backup is whole."`
}

// Run writes a backup, by the running server or without one.
func (c backupCommand) Run(s *surroundings) error {
	if c.File == "-" {
		return s.backup(s.stdout)
	}
	part := c.File + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(os.Chmod(part, 0o600), s.backup(file))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := errors.Join(os.Rename(part, c.File), syncFolder(filepath.Dir(c.File))); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(struct {
			File string `json:"file"`
		}{c.File})
	}
	fmt.Fprintln(s.stdout, "done; the master key is not in it: keep that elsewhere, a restore needs it")
	return nil
}

// backup has the server write it, or when none is running, reads the ledger itself.
func (s *surroundings) backup(to io.Writer) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(s.ctx, http.MethodPost, "http://admin/backup", nil)
	if err != nil {
		return err
	}
	response, err := a.http.Do(request)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return s.backupAlone(to)
	case err != nil:
		return a.unreached(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New("server: " + response.Status)
	}
	whole, err := readBackup(io.TeeReader(response.Body, to))
	if err != nil {
		return err
	}
	for _, err := range whole.parts() {
		if err != nil {
			return fmt.Errorf("server: %w; its log says more", err)
		}
	}
	return nil
}

func (s *surroundings) backupAlone(to io.Writer) error {
	settings, faults := config.Load(s.config, s.environ)
	if len(faults) > 0 {
		return faults
	}
	if err := dataFolder(settings.Data); err != nil {
		return err
	}
	held, err := lock(filepath.Join(settings.Data, lockName))
	if err != nil {
		return err
	}
	defer held.Close()
	store, err := depotOf(settings).openOld(s.ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = writeBackup(s.ctx, to, store)
	return err
}

// backup answers POST /backup with one, as a stream: what is cut lacks its last line.
func (o operator) backup(w http.ResponseWriter, r *http.Request) {
	peer, _ := r.Context().Value(peerKey{}).(string)
	if peer == "" {
		http.Error(w, "nobody knows who asks", http.StatusForbidden)
		return
	}
	g := o.gateway
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: peer, Via: "admin.sock"}}
	if err := g.broker.Note(r.Context(), deed, "backup"); err != nil { // a ledger that cannot be written can still be saved
		g.log.Warn("a backup is not in the audit", "actor", peer, "error", err)
	}
	parts, err := writeBackup(r.Context(), w, g.store)
	g.log.Info("backup", "actor", peer, "parts", parts, "error", err)
}
