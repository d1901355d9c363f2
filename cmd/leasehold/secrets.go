package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"leasehold/broker"
	"leasehold/idp/saml"
	"leasehold/provision"
)

// masterKey reads the key that wraps all others, or makes one where there is none and the ledger was not written under
// one: a new key beside an old ledger would open nothing of it.
func masterKey(path, ledger string, written bool) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if written {
			return nil, fmt.Errorf("master key %s is missing, and %s was written under one: put the key back", path, ledger)
		}
		return newMasterKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o037 != 0 { // its group may read it: so keys are handed to containers
		return nil, fmt.Errorf("master key %s may be read or written by others (mode %04o): chmod 0600 %s, and if anybody may have read it, treat every secret in the ledger as known", path, mode, path)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if len(key) != masterKeyLength {
		return nil, fmt.Errorf("master key %s is %d bytes long, not %d: it is not the file that leasehold made; put that one back", path, len(key), masterKeyLength)
	}
	return key, nil
}

const masterKeyLength = 32

func newMasterKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	key, err := writeMasterKey(path)
	if errors.Is(err, fs.ErrExist) { // another process that starts was faster
		return os.ReadFile(path)
	}
	return key, err
}

// writeMasterKey draws a key and has it on disk when it returns. What is there already is left as it is: ErrExist.
func writeMasterKey(path string) ([]byte, error) {
	key, err := broker.NewKey()
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*") // a crash must not leave half a key under its name
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(key)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Link(file.Name(), path) // unlike a rename, it takes nobody's place
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path)) // before the ledger is there, which is nothing without it
	}
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	return key, nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// spKey is the key pair of a connection's SAML service provider.
type spKey struct {
	Key         []byte // PKCS #8
	Certificate []byte // DER, self-signed: metadata is what makes it known
}

// serviceProviderKeys are the key pairs of a connection, the one in use first; a second one is published beside it until
// the identity provider knows it. The first to ask makes one.
func serviceProviderKeys(ctx context.Context, keys *broker.Keyring, c provision.ConnectionID) ([]saml.KeyPair, error) {
	ring, err := keys.Ring(ctx, spRing(c), func() ([]byte, error) { return newServiceProviderKey(c) })
	if err != nil {
		return nil, err
	}
	slices.Reverse(ring) // the newest is the one that is not in use yet
	var pairs []saml.KeyPair
	for _, kept := range ring {
		private, certificate, err := readKeyPair(kept, c)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, saml.KeyPair{Key: private, Certificate: certificate})
	}
	return pairs, nil
}

func readKeyPair(kept []byte, c provision.ConnectionID) (*rsa.PrivateKey, *x509.Certificate, error) {
	var pair spKey
	if err := json.Unmarshal(kept, &pair); err != nil {
		return nil, nil, fmt.Errorf("key of connection %s: %w", c, provision.ErrCorrupt)
	}
	key, err := x509.ParsePKCS8PrivateKey(pair.Key)
	if err != nil {
		return nil, nil, fmt.Errorf("key of connection %s: %w", c, provision.ErrCorrupt)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("key of connection %s: %w", c, provision.ErrCorrupt)
	}
	certificate, err := x509.ParseCertificate(pair.Certificate)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate of connection %s: %w", c, provision.ErrCorrupt)
	}
	return private, certificate, nil
}

func newServiceProviderKey(c provision.ConnectionID) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048) // what every identity provider can read
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "leasehold " + string(c)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(spKey{der, certificate})
}
