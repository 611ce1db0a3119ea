package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8
	width  = 1 << height
)

// files are all tiles and bundles of the first size entries, under the paths of C2SP tlog-tiles: the library writes the
// height into a path, and calls the entries "data".
func files(t *tree, entries [][]byte, size int64) (map[string][]byte, error) {
	found := map[string][]byte{}
	for _, tile := range tlog.NewTiles(height, 0, size) {
		if tile.W < width && int64(tile.W) != size>>(height*tile.L)%width {
			continue // the library lists every narrower tile that may once have been published
		}
		raw, err := tlog.ReadTileData(tile, t)
		if err != nil {
			return nil, err
		}
		found[strings.Replace(tile.Path(), "tile/8/", "tile/", 1)] = raw
		if tile.L == 0 {
			bundle := tile
			bundle.L = -1
			path := strings.Replace(bundle.Path(), "tile/8/data/", "tile/entries/", 1)
			start := tile.N * width
			found[path] = pack(entries[start : start+int64(tile.W)])
		}
	}
	return found, nil
}

func pack(entries [][]byte) []byte {
	var raw []byte
	for _, entry := range entries {
		raw = binary.BigEndian.AppendUint16(raw, uint16(len(entry)))
		raw = append(raw, entry...)
	}
	return raw
}

func unpack(raw []byte) ([][]byte, error) {
	var entries [][]byte
	for len(raw) > 0 {
		if len(raw) < 2 || len(raw)-2 < int(binary.BigEndian.Uint16(raw)) {
			return nil, errors.New("the bundle is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(raw))
		entries = append(entries, raw[2:end])
		raw = raw[end:]
	}
	return entries, nil
}

// rootOf is the library's, but for the empty log: version 0.7 gives zeros there.
func rootOf(t *tree, size int64) (tlog.Hash, error) {
	if size == 0 {
		return tlog.Hash(sha256.Sum256(nil)), nil
	}
	return tlog.TreeHash(size, t)
}

// printTiles writes for each size "SIZE root HASH", and "SIZE PATH SHA256" for each file.
func printTiles(sizes []string, out *bufio.Writer) error {
	t := &tree{}
	var entries [][]byte
	for _, text := range sizes {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		for t.size < size {
			entries = append(entries, []byte("overt-"+strconv.FormatInt(t.size, 10)))
			if err := t.add(entries[t.size]); err != nil {
				return err
			}
		}
		root, err := rootOf(t, size)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d root %s\n", size, hex.EncodeToString(root[:]))
		found, err := files(t, entries, size)
		if err != nil {
			return err
		}
		for path, raw := range found {
			fmt.Fprintf(out, "%d %s %x\n", size, path, sha256.Sum256(raw))
		}
	}
	return nil
}

// audit rebuilds a log from its entries: the signed root, every tile, and the leaf hashes that somebody was promised.
func audit(folder, vkey string, promised *bufio.Scanner, out *bufio.Writer) error {
	size, root, err := readCheckpoint(folder, vkey)
	if err != nil {
		return err
	}
	t := &tree{}
	var entries [][]byte
	leaves := map[string]bool{}
	for start := int64(0); start < size; start += width {
		bundle, err := readBundle(folder, start/width, min(size-start, width))
		if err != nil {
			return err
		}
		for _, entry := range bundle {
			hash := tlog.RecordHash(entry)
			leaves[hex.EncodeToString(hash[:])] = true
			if err := t.add(entry); err != nil {
				return err
			}
		}
		entries = append(entries, bundle...)
	}
	found, err := rootOf(t, size)
	if err != nil {
		return err
	}
	if found != root {
		return fmt.Errorf("the entries have the root %x, the checkpoint says %x", found[:], root[:])
	}
	if err := compare(folder, t, entries, size); err != nil {
		return err
	}
	kept := 0
	for promised.Scan() {
		if !leaves[promised.Text()] {
			return fmt.Errorf("the leaf %s was promised and is not in the log of %d entries", promised.Text(), size)
		}
		kept++
	}
	fmt.Fprintf(out, "%d entries, root %x, %d promises kept\n", size, root[:], kept)
	return promised.Err()
}

func compare(folder string, t *tree, entries [][]byte, size int64) error {
	expected, err := files(t, entries, size)
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(expected))
	for path := range expected {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		raw, err := read(folder, path)
		if err != nil {
			return err
		}
		if len(raw) > len(expected[path]) && strings.Contains(path, ".p/") {
			raw = raw[:len(expected[path])]
		}
		if !bytes.Equal(raw, expected[path]) {
			return fmt.Errorf("%s is not what the entries give", path)
		}
	}
	return nil
}

// read takes the full tile where the partial one is gone.
func read(folder, path string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(folder, path))
	if at := strings.Index(path, ".p/"); at >= 0 && errors.Is(err, os.ErrNotExist) {
		return os.ReadFile(filepath.Join(folder, path[:at]))
	}
	return raw, err
}

func readBundle(folder string, index, count int64) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: index, W: int(count)}
	path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
	raw, err := read(folder, path)
	if err != nil {
		return nil, err
	}
	entries, err := unpack(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(entries)) < count {
		return nil, fmt.Errorf("%s has %d entries, expected %d", path, len(entries), count)
	}
	return entries[:count], nil
}

func readCheckpoint(folder, vkey string) (int64, tlog.Hash, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	v, err := verifier(vkey)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	opened, err := note.Open(raw, note.VerifierList(v))
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != v.Name() {
		return 0, tlog.Hash{}, fmt.Errorf("%q is not a checkpoint of %s", opened.Text, v.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return 0, tlog.Hash{}, fmt.Errorf("the size %q is malformed", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	return size, root, err
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
