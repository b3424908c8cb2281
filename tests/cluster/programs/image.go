package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// texts is a flag that may be given several times.
type texts []string

func (t *texts) String() string { return strings.Join(*t, ",") }

func (t *texts) Set(value string) error {
	*t = append(*t, value)
	return nil
}

// imageSpec is what make-image is told.
type imageSpec struct {
	reference, output, command, user string
	files, links, texts              texts
}

// makeImage writes an image of one layer as a tar file, without a daemon.
func makeImage(arguments []string) error {
	var spec imageSpec
	flags := flag.NewFlagSet("make-image", flag.ExitOnError)
	flags.StringVar(&spec.reference, "reference", "", "the image's name and tag")
	flags.StringVar(&spec.output, "output", "", "the tar file")
	flags.StringVar(&spec.command, "command", "", "the command, a JSON array")
	flags.StringVar(&spec.user, "user", "", "the user")
	flags.Var(&spec.files, "file", "HOST:IMAGE, an executable file; may be given several times")
	flags.Var(&spec.links, "link", "TARGET:IMAGE, a symbolic link; may be given several times")
	flags.Var(&spec.texts, "text", "IMAGE=TEXT, a file with that text; may be given several times")
	flags.Parse(arguments)
	layer, err := spec.layer()
	if err != nil {
		return err
	}
	archive, err := spec.archive(layer)
	if err != nil {
		return err
	}
	return os.WriteFile(spec.output, archive, 0o644)
}

// packer writes a tar file in which folders come before what is in them. Nothing in it depends on when it was made.
type packer struct {
	buffer  bytes.Buffer
	writer  *tar.Writer
	folders map[string]bool
}

func newPacker() *packer {
	p := &packer{folders: map[string]bool{}}
	p.writer = tar.NewWriter(&p.buffer)
	return p
}

func (p *packer) put(header tar.Header, content []byte) error {
	header.Name = strings.TrimPrefix(header.Name, "/")
	header.ModTime = time.Unix(0, 0)
	header.Size = int64(len(content))
	for at, letter := range strings.TrimSuffix(header.Name, "/") {
		folder := header.Name[:at]
		if letter != '/' || p.folders[folder] {
			continue
		}
		p.folders[folder] = true
		if err := p.put(tar.Header{Name: folder + "/", Typeflag: tar.TypeDir, Mode: 0o755}, nil); err != nil {
			return err
		}
	}
	if err := p.writer.WriteHeader(&header); err != nil {
		return err
	}
	_, err := p.writer.Write(content)
	return err
}

func (p *packer) bytes() ([]byte, error) {
	err := p.writer.Close()
	return p.buffer.Bytes(), err
}

func (s *imageSpec) layer() ([]byte, error) {
	p := newPacker()
	p.folders["tmp"] = true
	if err := p.put(tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777}, nil); err != nil {
		return nil, err
	}
	for _, file := range s.files {
		host, image, _ := strings.Cut(file, ":")
		content, err := os.ReadFile(host)
		if err != nil {
			return nil, err
		}
		if err := p.put(tar.Header{Name: image, Typeflag: tar.TypeReg, Mode: 0o755}, content); err != nil {
			return nil, err
		}
	}
	for _, text := range s.texts {
		image, content, _ := strings.Cut(text, "=")
		if err := p.put(tar.Header{Name: image, Typeflag: tar.TypeReg, Mode: 0o644}, []byte(content)); err != nil {
			return nil, err
		}
	}
	for _, link := range s.links {
		target, image, _ := strings.Cut(link, ":")
		if err := p.put(tar.Header{Name: image, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, nil); err != nil {
			return nil, err
		}
	}
	return p.bytes()
}

func (s *imageSpec) archive(layer []byte) ([]byte, error) {
	settings := map[string]any{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, "User": s.user}
	var command []string
	if err := json.Unmarshal([]byte(s.command), &command); err != nil {
		return nil, fmt.Errorf("the command is no JSON array: %w", err)
	}
	settings["Cmd"] = command
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "created": "1970-01-01T00:00:00Z", "config": settings,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]any{map[string]any{
		"Config": name, "RepoTags": []string{s.reference}, "Layers": []string{"layer.tar"},
	}})
	if err != nil {
		return nil, err
	}
	p := newPacker()
	for _, file := range []struct {
		name    string
		content []byte
	}{{name, config}, {"layer.tar", layer}, {"manifest.json", manifest}} {
		if err := p.put(tar.Header{Name: file.name, Typeflag: tar.TypeReg, Mode: 0o644}, file.content); err != nil {
			return nil, err
		}
	}
	return p.bytes()
}
