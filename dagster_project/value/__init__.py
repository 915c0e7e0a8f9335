"""What customers are worth: RFM scores, purchase models, subscriber survival and customer lifetime value."""
