"""Commands that make networks by the thousand in other frameworks and compare what is imported with these."""
