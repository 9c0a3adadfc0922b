//! Chance that comes from a seed, so that what happened once happens again.

/// A source of numbers that are decided by a seed: SplitMix64 (Steele, Lea and Flood, 2014), which is small, fast and passes the
/// usual tests of randomness. It is not for secrets.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// Makes the source of a seed.
    pub fn new(seed: u64) -> Self {
        // The first numbers of neighbouring seeds have nothing in common.
        Self { state: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x6a09_e667_f3bc_c909 }
    }

    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below a bound; 0 for the bound 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The upper half of a product: no division, and a bias that nobody can see at these sizes.
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }

    /// Returns true in so many cases of a thousand.
    pub fn permille(&mut self, share: u32) -> bool {
        self.below(1_000) < share as usize
    }

    /// Returns one of these. There is at least one.
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn a_seed_decides_and_all_numbers_below_a_bound_come() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            (0..64).map(|_| chance.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(5), numbers(5));
        assert_ne!(numbers(5), numbers(6));
        assert!((0..7).all(|number| numbers(5).contains(&number)));
        assert_eq!(Chance::new(1).below(0), 0);
    }
}
