//! RS256, verifying only: one small power modulo a number of 2048 bits.

use sha2::{Digest as _, Sha256};

/// Little-endian.
type Number = [u64; 32];

const BYTES: usize = 256;
/// ASN.1 of a SHA-256 digest.
const PREFIX: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

fn number(bytes: &[u8]) -> Number {
    let mut made = [0; 32];
    for (at, chunk) in bytes.rchunks(8).enumerate().take(32) {
        made[at] = chunk.iter().fold(0, |sum, it| sum << 8 | u64::from(*it));
    }
    made
}

fn is_at_least(a: &Number, b: &Number) -> bool {
    a.iter().rev().ge(b.iter().rev())
}

fn subtract(a: &mut Number, b: &Number) {
    let mut borrow = false;
    for (a, b) in a.iter_mut().zip(b) {
        let (first, under) = a.overflowing_sub(*b);
        let (second, over) = first.overflowing_sub(u64::from(borrow));
        (*a, borrow) = (second, under || over);
    }
}

/// Twice `a` and one addend, modulo.
fn double_and_add(a: &mut Number, addend: Option<&Number>, modulus: &Number) {
    let mut carry = a[31] >> 63;
    for at in (1..32).rev() {
        a[at] = a[at] << 1 | a[at - 1] >> 63;
    }
    a[0] <<= 1;
    if carry == 1 || is_at_least(a, modulus) {
        subtract(a, modulus);
    }
    let Some(addend) = addend else { return };
    carry = 0;
    for (a, b) in a.iter_mut().zip(addend) {
        let sum = u128::from(*a) + u128::from(*b) + u128::from(carry);
        (*a, carry) = (sum as u64, (sum >> 64) as u64);
    }
    if carry == 1 || is_at_least(a, modulus) {
        subtract(a, modulus);
    }
}

fn multiply(a: &Number, b: &Number, modulus: &Number) -> Number {
    let mut product = [0; 32];
    for at in (0..2048).rev() {
        let bit = b[at / 64] >> (at % 64) & 1;
        double_and_add(&mut product, (bit == 1).then_some(a), modulus);
    }
    product
}

/// Whether the signature over `text` is of the key with this modulus and the exponent 65537.
pub fn verify(modulus: &[u8], text: &[u8], signature: &[u8]) -> bool {
    if signature.len() != BYTES || modulus.len() != BYTES {
        return false;
    }
    let (modulus, base) = (number(modulus), number(signature));
    if is_at_least(&base, &modulus) {
        return false;
    }
    let mut power = base;
    for _ in 0..16 {
        power = multiply(&power, &power, &modulus);
    }
    power = multiply(&power, &base, &modulus);
    let mut wanted = vec![0xff; BYTES];
    (wanted[0], wanted[1]) = (0, 1);
    let end = BYTES - 32;
    wanted[end..].copy_from_slice(&Sha256::digest(text));
    wanted[end - PREFIX.len()..end].copy_from_slice(&PREFIX);
    wanted[end - PREFIX.len() - 1] = 0;
    power == number(&wanted)
}
