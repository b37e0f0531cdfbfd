// Checks schema/vectors.json with Node's own cryptography, written from schema/security.md alone.
import { createCipheriv, createDecipheriv, createHash, createHmac, createPublicKey, hkdfSync, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const v = JSON.parse(readFileSync(process.argv[2], "utf8"));
const hex = (text) => Buffer.from(text, "hex");
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(n)); return b; };
const lp = (...parts) => Buffer.concat(parts.flatMap((p) => [u32(p.length), Buffer.from(p)]));
const sha256 = (data) => createHash("sha256").update(data).digest();
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();
const storeId = hex(v.store_id_hex);
const derive = (key, label) => Buffer.from(hkdfSync("sha256", key, storeId, `sim/1/${label}`, 32));
const open = (key, nonce, sealed, bound) => {
  const d = createDecipheriv("aes-256-gcm", key, nonce);
  d.setAAD(bound); d.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([d.update(sealed.subarray(0, -16)), d.final()]);
};
const same = (name, got, wanted) => {
  if (Buffer.isBuffer(got) ? !got.equals(wanted) : got !== wanted) throw new Error(`${name} differs`);
  console.log(`ok ${name}`);
};

const root = hex(v.slot_random.root_key_hex);
for (const [label, wanted] of Object.entries(v.subkeys)) same(`subkey ${label}`, derive(root, label), hex(wanted));

for (const name of ["slot_passphrase", "slot_random"]) {
  const slot = v[name], blob = hex(slot.blob_hex);
  if (name === "slot_random") same("stretched", hmac(blob.subarray(20, 36), hex(slot.secret_hex)), hex(slot.stretched_hex));
  const stretched = hex(slot.stretched_hex);
  same(`${name} sha256`, sha256(blob), hex(slot.sha256_hex));
  same(`${name} mac`, hmac(derive(stretched, "slot-mac"), Buffer.concat([lp(storeId), blob.subarray(0, 96)])), blob.subarray(96));
  const bound = lp(Buffer.from("slot"), storeId, blob.subarray(0, 36));
  same(`${name} root key`, open(derive(stretched, "slot-enc"), blob.subarray(36, 48), blob.subarray(48, 96), bound), root);
}

const wrapped = hex(v.data_key.wrapped_hex);
const dataKey = open(derive(root, "dek-wrap"), wrapped.subarray(0, 12), wrapped.subarray(12), lp(Buffer.from("dek/1"), storeId, u32(v.data_key.key_id)));
same("data key", dataKey, hex(v.data_key.key_hex));

const record = hex(v.record.record_hex), provider = Buffer.from(v.record.provider);
const bound = Buffer.concat([lp(Buffer.from("secret/1"), storeId, provider), record.subarray(0, 14)]);
const plain = open(dataKey, record.subarray(14, 26), record.subarray(26), bound);
same("value", plain.subarray(3, 3 + plain.readUInt16BE(1)).toString(), v.record.value);
same("padding", plain.length % 64, 0);
same("key_hash", "k1:" + hmac(derive(root, "fingerprint"), lp(provider, Buffer.from(v.record.value))).toString("hex").slice(0, 32), v.record.key_hash);

const s = v.state_root;
const state = Buffer.concat([
  u64(s.generation),
  lp(provider, sha256(record), Buffer.from(v.record.key_hash), Buffer.concat([u64(s.created_at), u64(s.updated_at)])),
  Buffer.from("keys"),
  lp(u32(v.data_key.key_id), Buffer.from(s.data_key_state), wrapped),
]);
same("state root", hmac(derive(root, "state-root"), state), hex(s.root_hex));

let key = hex(v.audit_chain.first_key_hex), head = Buffer.alloc(32);
for (const e of v.audit_chain.entries) {
  const text = lp(Buffer.from(e.action), Buffer.from(e.resource), Buffer.from(e.details));
  head = hmac(key, Buffer.concat([head, u64(e.seq), u64(e.at), text]));
  key = sha256(Buffer.concat([Buffer.from("aev1"), key]));
  same(`entry ${e.seq}`, head, hex(e.mac_hex));
  same(`key after ${e.seq}`, key, hex(e.next_key_hex));
}

const a = v.audit_anchor, sealed = hex(a.sealed_hex);
same("anchor", open(derive(root, "audit-seal"), sealed.subarray(0, 12), sealed.subarray(12), lp(Buffer.from("audit/1"), Buffer.from("anchor"), storeId, u64(a.seq))), hex(a.payload_hex));

const x = v.audit_export;
const publicKey = createPublicKey({ key: Buffer.concat([hex("302a300506032b6570032100"), hex(x.public_key_hex)]), format: "der", type: "spki" });
same("signature", verify(null, hex(x.sha256_hex), publicKey, hex(x.signature_hex)), true);
